// Words on a screen.
import type { CSSProperties } from "react";
import type { PartProps } from "./context.ts";
import { Markdown } from "./Markdown.tsx";
import { type Obj, text } from "./model.ts";

export function TextHeading({ properties }: PartProps) {
  return (
    <h3 className="flow-heading" dir="auto">
      {text(properties["text"])}
    </h3>
  );
}

export function TextSubheading({ properties }: PartProps) {
  return (
    <h4 className="flow-subheading" dir="auto">
      {text(properties["text"])}
    </h4>
  );
}

export function TextBody({ properties }: PartProps) {
  return <Words className="flow-text" properties={properties} />;
}

export function TextCaption({ properties }: PartProps) {
  return <Words className="flow-caption" properties={properties} />;
}

export function RichText({ properties }: PartProps) {
  return (
    <div className="flow-rich">
      <Markdown text={text(properties["text"])} />
    </div>
  );
}

function Words({ className, properties }: { className: string; properties: Obj }) {
  const written = text(properties["text"]);
  const style = weight(text(properties["font-weight"]));
  const words = properties["markdown"] === true ? <Markdown text={written} /> : <p dir="auto">{lines(written)}</p>;
  return (
    <div className={className} style={style}>
      {properties["strikethrough"] === true ? <s>{words}</s> : words}
    </div>
  );
}

function weight(name: string): CSSProperties {
  return { fontWeight: name.includes("bold") ? 700 : 400, fontStyle: name.includes("italic") ? "italic" : "normal" };
}

function lines(text: string) {
  return text.split("\n").map((line, at) => (
    <span key={at} className="line">
      {line}
    </span>
  ));
}
