// The Markdown of Flow JSON: headings, lists, tables, base64 images; **bold**, *italic*, ~~strike~~, links by http.
import type { JSX, ReactNode } from "react";
import { imageSource } from "./images.ts";

const INLINE = /(\*\*[^*\n]+\*\*|~~[^~\n]+~~|\*[^*\n]+\*|_[^_\n]+_|!?\[[^\]\n]*\]\([^)\s]+\))/;
const LINK = /^(!?)\[([^\]]*)\]\(([^)]+)\)$/;
const BULLET = /^\s*[-+*]\s+/;
const NUMBER = /^\s*\d+[.)]\s+/;
const MOST_DEPTH = 6;

export function Markdown({ text }: { text: string }) {
  return (
    <>
      {blocks(text.split("\n")).map((block, at) => (
        <Block key={at} lines={block} />
      ))}
    </>
  );
}

/** Lines that belong together: a list, a table, or a paragraph; headings stand alone. */
function blocks(lines: string[]): string[][] {
  const found: string[][] = [];
  let last = "";
  for (const line of lines) {
    const kind = kindOf(line);
    if (kind !== "empty" && kind === last && kind !== "heading") found.at(-1)?.push(line);
    else if (kind !== "empty") found.push([line]);
    last = kind;
  }
  return found;
}

function kindOf(line: string): string {
  if (line.trim() === "") return "empty";
  if (/^#{1,6}\s/.test(line)) return "heading";
  if (BULLET.test(line)) return "bullets";
  if (NUMBER.test(line)) return "numbers";
  return line.trim().startsWith("|") ? "table" : "words";
}

function Block({ lines }: { lines: string[] }): JSX.Element {
  const first = lines[0] ?? "";
  switch (kindOf(first)) {
    case "heading":
      return <Heading line={first} />;
    case "bullets":
      return (
        <ul>
          {lines.map((line, at) => (
            <li key={at} dir="auto">
              <Inline text={line.replace(BULLET, "")} />
            </li>
          ))}
        </ul>
      );
    case "numbers":
      return (
        <ol>
          {lines.map((line, at) => (
            <li key={at} dir="auto">
              <Inline text={line.replace(NUMBER, "")} />
            </li>
          ))}
        </ol>
      );
    case "table":
      return <Table lines={lines} />;
    default:
      return (
        <p dir="auto">
          {lines.map((line, at) => (
            <span key={at} className="line">
              <Inline text={line} />
            </span>
          ))}
        </p>
      );
  }
}

function Heading({ line }: { line: string }) {
  const words = <Inline text={line.replace(/^#+\s+/, "")} />;
  return /^#\s/.test(line) ? (
    <h3 className="flow-heading" dir="auto">
      {words}
    </h3>
  ) : (
    <h4 className="flow-subheading" dir="auto">
      {words}
    </h4>
  );
}

function Table({ lines }: { lines: string[] }) {
  const cells = (line: string) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|")
      .map((cell) => cell.trim());
  const [head = "", ...rest] = lines;
  const rows = rest.filter((line) => !/^[\s|:-]+$/.test(line));
  return (
    <div className="flow-table" tabIndex={0} role="group">
      <table>
        <thead>
          <tr>
            {cells(head).map((cell, at) => (
              <th key={at} scope="col" dir="auto">
                <Inline text={cell} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {cells(row).map((cell, at) => (
                <td key={at} dir="auto">
                  <Inline text={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Inline({ text, depth = 0 }: { text: string; depth?: number }): ReactNode {
  if (depth > MOST_DEPTH) return text;
  return text.split(INLINE).map((part, at) => <Piece key={at} part={part} depth={depth + 1} />);
}

function Piece({ part, depth }: { part: string; depth: number }): ReactNode {
  const inner = (cut: number) => <Inline text={part.slice(cut, -cut)} depth={depth} />;
  if (part.length > 4 && part.startsWith("**") && part.endsWith("**")) return <strong>{inner(2)}</strong>;
  if (part.length > 4 && part.startsWith("~~") && part.endsWith("~~")) return <s>{inner(2)}</s>;
  if (part.length > 2 && /^([*_]).*\1$/.test(part)) return <em>{inner(1)}</em>;
  const [, picture, words = "", target = ""] = LINK.exec(part) ?? [];
  if (picture === "!") {
    const source = imageSource(target);
    return source ? <img className="flow-image" src={source} alt={words} /> : words;
  }
  if (/^https?:\/\//.test(target))
    return (
      <a href={target} target="_blank" rel="noopener noreferrer">
        <Inline text={words} depth={depth} />
      </a>
    );
  return target === "" ? part : words;
}
