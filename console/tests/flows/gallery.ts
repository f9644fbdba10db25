// A Flow that has every component, for the renderer's tests. PNG of one pixel: made here, of nobody.
import type { FlowJson } from "../../src/flow/index.ts";

export const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg==";

const complete = { name: "complete", payload: { name: "${form.name}" } };
const next = (name: string, payload: Record<string, unknown> = {}) => ({
  name: "navigate",
  next: { type: "screen", name },
  payload,
});
const column = (...children: unknown[]) => ({ type: "SingleColumnLayout", children });
const SIZES = [
  { id: "s", title: "Small", description: "9 inch", metadata: "8.00" },
  { id: "l", title: "Large", image: PIXEL, "alt-text": "a large one" },
  { id: "x", title: "Sold out", enabled: false },
];

const words = {
  id: "WORDS",
  title: "Words and pictures",
  data: { name: { type: "string", __example__: "Ada" } },
  layout: column(
    { type: "TextHeading", text: "`'Hello ' ${data.name}`" },
    { type: "TextSubheading", text: "A subheading" },
    { type: "TextBody", text: "Bold body", "font-weight": "bold" },
    { type: "TextBody", text: "Old price", strikethrough: true },
    {
      type: "TextBody",
      text: ["Some **strong** words", "- a point", "- [a page](https://example.org/)"],
      markdown: true,
    },
    { type: "TextCaption", text: "A caption", "font-weight": "italic" },
    { type: "RichText", text: ["# Rich", "1. one", "2. two", "| A | B |", "|---|---|", "| 1 | ~~2~~ |"] },
    { type: "Image", src: PIXEL, width: 120, height: 60, "alt-text": "a red dot" },
    { type: "Image", src: "nonsense", "alt-text": "lost picture" },
    {
      type: "ImageCarousel",
      "aspect-ratio": "4:3",
      images: [
        { src: PIXEL, "alt-text": "first" },
        { src: PIXEL, "alt-text": "second" },
      ],
    },
    {
      type: "EmbeddedLink",
      text: "More to read",
      "on-click-action": { name: "open_url", url: "https://example.org/" },
    },
    { type: "TextBody", text: "invisible", visible: false },
    { type: "Hologram", text: "of the next version" },
    { type: "Dropdown", name: "broken", label: "Broken", "data-source": "${data.nothing}" },
    {
      type: "Footer",
      label: "Inputs",
      "left-caption": "left",
      "right-caption": "right",
      "on-click-action": next("INPUTS", { greeting: "hi" }),
    },
  ),
};

const inputs = {
  id: "INPUTS",
  title: "Inputs",
  sensitive: ["secret"],
  layout: column({
    type: "Form",
    name: "form",
    "init-values": { city: "Leeds" },
    "error-messages": { city: "We are not there yet" },
    children: [
      {
        type: "TextInput",
        name: "name",
        label: "Name",
        required: true,
        "min-chars": 2,
        "helper-text": "As on the door",
      },
      { type: "TextInput", name: "city", label: "City" },
      { type: "TextInput", name: "age", label: "Age", "input-type": "number" },
      { type: "TextInput", name: "mail", label: "E-mail", "input-type": "email" },
      { type: "TextInput", name: "secret", label: "Password", "input-type": "password" },
      { type: "TextInput", name: "code", label: "Code", "input-type": "passcode" },
      { type: "TextInput", name: "phone", label: "Phone", "input-type": "phone" },
      { type: "TextArea", name: "notes", label: "Notes", "max-length": 20 },
      {
        type: "CheckboxGroup",
        name: "tops",
        label: "Toppings",
        "data-source": SIZES,
        "min-selected-items": 1,
        "max-selected-items": 1,
        required: true,
      },
      { type: "RadioButtonsGroup", name: "size", label: "Size", "data-source": SIZES, required: true },
      { type: "ChipsSelector", name: "likes", label: "Likes", "data-source": SIZES },
      {
        type: "Dropdown",
        name: "place",
        label: "Place",
        "data-source": [
          { id: "in", title: "Inside", description: "by the fire" },
          { id: "out", title: "Outside" },
        ],
      },
      {
        type: "If",
        condition: "${form.place} == 'out'",
        then: [{ type: "TextBody", text: "Bring a coat" }],
        else: [{ type: "TextBody", text: "It is warm" }],
      },
      {
        type: "Switch",
        value: "${form.size}",
        cases: {
          s: [{ type: "TextBody", text: "A small one" }],
          l: [{ type: "TextBody", text: "A large one" }],
          default: [{ type: "TextBody", text: "No size yet" }],
        },
      },
      {
        type: "OptIn",
        name: "agree",
        label: "I agree to the rules",
        required: true,
        "on-click-action": { name: "open_url", url: "https://example.org/" },
      },
      { type: "Footer", label: "Days and files", "center-caption": "half way", "on-click-action": next("DAYS") },
    ],
  }),
};

const days = {
  id: "DAYS",
  title: "Days and files",
  layout: column(
    {
      type: "DatePicker",
      name: "day",
      label: "Day",
      "min-date": "2026-05-04",
      "max-date": "2026-06-20",
      "unavailable-dates": ["2026-05-06"],
      required: true,
    },
    {
      type: "CalendarPicker",
      name: "visit",
      label: "Visit",
      mode: "single",
      "min-date": "2026-05-01",
      "max-date": "2026-05-31",
      "include-days": ["Mon", "Tue"],
    },
    {
      type: "CalendarPicker",
      name: "stay",
      title: "Stay",
      label: { "start-date": "Arrival", "end-date": "Departure" },
      mode: "range",
      "min-date": "2026-05-01",
      "max-date": "2026-05-31",
      "min-days": 3,
    },
    { type: "PhotoPicker", name: "photos", label: "Photos", "max-uploaded-photos": 2, "max-file-size-kb": 1 },
    { type: "TextBody", text: "`'On ' ${form.day}`", visible: "`${form.day} != ''`" },
    { type: "Footer", label: "Places", enabled: "`${form.day} != ''`", "on-click-action": next("PLACES") },
  ),
};

const places = {
  id: "PLACES",
  title: "Places",
  layout: column({
    type: "NavigationList",
    name: "places",
    label: "Where to",
    description: "Three houses",
    "list-items": [
      {
        id: "a",
        "main-content": { title: "Old Town", description: "by the river", metadata: "open" },
        badge: "New",
        tags: ["quiet"],
        start: { image: PIXEL, "alt-text": "a house" },
        end: { title: "8.00", description: "a night" },
      },
      { id: "b", "main-content": { title: "Harbour" } },
    ],
    "on-click-action": next("LAST"),
  }),
};

const last = {
  id: "LAST",
  title: "Last",
  terminal: true,
  success: true,
  layout: column(
    { type: "TextBody", text: "`'Thank you, ' ${screen.INPUTS.form.name}`" },
    { type: "DocumentPicker", name: "paper", label: "Paper" },
    {
      type: "Footer",
      label: "Send",
      "on-click-action": {
        ...complete,
        payload: {
          name: "${screen.INPUTS.form.name}",
          secret: "${screen.INPUTS.form.secret}",
          size: "${screen.INPUTS.form.size}",
          tops: "${screen.INPUTS.form.tops}",
          agree: "${screen.INPUTS.form.agree}",
          day: "${screen.DAYS.form.day}",
          stay: "${screen.DAYS.form.stay}",
        },
      },
    },
  ),
};

export const GALLERY = { version: "7.3", screens: [words, inputs, days, places, last] } as unknown as FlowJson;
