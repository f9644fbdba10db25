// Draws one component by its type. What is not known, or fails, is shown as such, and the rest of the screen stays.
import type { ComponentType } from "react";
import { Failure } from "../ui/Failure.tsx";
import { t } from "../words/words.ts";
import { type FieldProps, type PartProps, useScreen } from "./context.ts";
import { CalendarPicker, DatePicker } from "./fields/DateFields.tsx";
import { CheckboxGroup, ChipsSelector, RadioButtonsGroup } from "./fields/Groups.tsx";
import { Dropdown } from "./fields/Dropdown.tsx";
import { OptIn } from "./fields/OptIn.tsx";
import { TextArea, TextInput } from "./fields/TextFields.tsx";
import { DocumentPicker, PhotoPicker } from "./fields/Uploads.tsx";
import { Footer } from "./Footer.tsx";
import { FlowImage, ImageCarousel } from "./Images.tsx";
import { EmbeddedLink, NavigationList } from "./Links.tsx";
import { isInput, nameOf, type Part, properties } from "./parts.ts";
import { RichText, TextBody, TextCaption, TextHeading, TextSubheading } from "./Texts.tsx";

const SHOWN: Record<string, ComponentType<PartProps>> = {
  TextHeading,
  TextSubheading,
  TextBody,
  TextCaption,
  RichText,
  Image: FlowImage,
  ImageCarousel,
  EmbeddedLink,
  NavigationList,
  Footer,
};
const FIELDS: Record<string, ComponentType<FieldProps>> = {
  TextInput,
  TextArea,
  CheckboxGroup,
  RadioButtonsGroup,
  Dropdown,
  ChipsSelector,
  DatePicker,
  CalendarPicker,
  OptIn,
  PhotoPicker,
  DocumentPicker,
};

export function PartView({ part }: { part: Part }) {
  const { type } = part.component;
  const { scope } = useScreen();
  return (
    <Failure
      resetBy={scope}
      instead={(error) => <Placeholder text={t("broken_component", { type, why: error.message })} />}
    >
      {part.problem === undefined ? (
        <Known part={part} />
      ) : (
        <Placeholder text={t("broken_component", { type, why: part.problem })} />
      )}
    </Failure>
  );
}

function Known({ part: { component } }: { part: Part }) {
  const { scope, errorOf } = useScreen();
  const resolved = properties(component, scope);
  const Shown = Object.hasOwn(SHOWN, component.type) ? SHOWN[component.type] : undefined;
  if (Shown) return <Shown component={component} properties={resolved} />;
  const Field = isInput(component) ? FIELDS[component.type] : undefined;
  if (!Field) return <Placeholder text={t("unknown_component", { type: component.type })} />;
  const name = nameOf(component);
  return (
    <div className="flow-field" data-field={name}>
      <Field
        component={component}
        properties={resolved}
        name={name}
        value={scope.form[name] ?? ""}
        error={errorOf(name)}
      />
    </div>
  );
}

function Placeholder({ text }: { text: string }) {
  return (
    <p className="flow-placeholder" role="note">
      {text}
    </p>
  );
}
