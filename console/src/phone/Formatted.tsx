// *bold*, _italic_ and ~strike~ as WhatsApp shows them. Text from anyone stays text.
import type { JSX } from "react";

const MARKED = /(\*[^*\n]+\*|_[^_\n]+_|~[^~\n]+~)/;

export function Formatted({ text }: { text: string }) {
  return (
    <p className="body" dir="auto">
      {text.split(MARKED).map(part)}
    </p>
  );
}

function part(text: string, at: number): JSX.Element | string {
  const inner = text.slice(1, -1);
  if (text.length < 3 || text.at(0) !== text.at(-1)) return text;
  switch (text.at(0)) {
    case "*":
      return <strong key={at}>{inner}</strong>;
    case "_":
      return <em key={at}>{inner}</em>;
    case "~":
      return <s key={at}>{inner}</s>;
    default:
      return text;
  }
}
