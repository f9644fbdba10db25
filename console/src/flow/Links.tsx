// What leads on besides the footer.
import { Icon } from "../ui/Icon.tsx";
import { type PartProps, useScreen } from "./context.ts";
import { imageSource } from "./images.ts";
import { action, isObj, type Json, type Obj, text } from "./model.ts";

export function EmbeddedLink({ component, properties }: PartProps) {
  const { act, busy } = useScreen();
  const wanted = action(component["on-click-action"]);
  return (
    <button
      type="button"
      className="flow-link"
      dir="auto"
      disabled={busy}
      onClick={() => wanted && act(wanted, component)}
    >
      {text(properties["text"])}
    </button>
  );
}

export function NavigationList({ component, properties }: PartProps) {
  const items = Array.isArray(properties["list-items"]) ? properties["list-items"].filter(isObj) : [];
  const written = Array.isArray(component["list-items"]) ? component["list-items"] : items;
  return (
    <section className="flow-navigation">
      {properties["label"] ? (
        <h4 className="flow-subheading" dir="auto">
          {text(properties["label"])}
        </h4>
      ) : null}
      {properties["description"] ? (
        <p className="flow-caption" dir="auto">
          {text(properties["description"])}
        </p>
      ) : null}
      <ul>
        {items.map((item, at) => (
          <Item key={text(item["id"]) || at} item={item} written={written[at]} component={component} />
        ))}
      </ul>
    </section>
  );
}

function Item({
  item,
  written,
  component,
}: {
  item: Obj;
  written: Json | undefined;
  component: PartProps["component"];
}) {
  const { act, busy } = useScreen();
  const own = isObj(written) ? written["on-click-action"] : undefined;
  const wanted = action(own ?? item["on-click-action"] ?? component["on-click-action"]);
  const [main, start, end] = [part(item["main-content"]), part(item["start"]), part(item["end"])];
  const image = imageSource(text(start["image"]));
  const tags = Array.isArray(item["tags"]) ? item["tags"].map(text) : [];
  return (
    <li>
      <button type="button" disabled={busy} onClick={() => wanted && act(wanted, component)}>
        {image ? <img src={image} alt={text(start["alt-text"])} /> : null}
        <Words part={main} badge={text(item["badge"])} tags={tags} />
        {Object.keys(end).length > 0 ? <Words part={end} end /> : null}
        <Icon name="forward" turns />
      </button>
    </li>
  );
}

function Words({
  part,
  badge = "",
  tags = [],
  end = false,
}: {
  part: Obj;
  badge?: string;
  tags?: string[];
  end?: boolean;
}) {
  return (
    <span className={end ? "words end" : "words"}>
      <span dir="auto">
        {text(part["title"])} {badge ? <b className="badge">{badge}</b> : null}
      </span>
      {part["description"] ? <small dir="auto">{text(part["description"])}</small> : null}
      {part["metadata"] ? <small dir="auto">{text(part["metadata"])}</small> : null}
      {tags.length > 0 ? (
        <span className="tags">
          {tags.map((tag) => (
            <b key={tag} className="tag">
              {tag}
            </b>
          ))}
        </span>
      ) : null}
    </span>
  );
}

function part(value: Json | undefined): Obj {
  return isObj(value) ? value : {};
}
