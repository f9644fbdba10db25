// The rows of a list message, by section.
import { Fragment } from "react";
import type { Entry } from "../sim/types.ts";
import { Option, Sheet } from "../ui/Sheet.tsx";
import { useActions } from "./actions.ts";

export function ListSheet({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { pick } = useActions();
  const rows = entry.choices?.filter((choice) => choice.kind === "row") ?? [];
  return (
    <Sheet title={entry.list_button ?? ""} onClose={onClose}>
      {rows.map((row, at) => (
        <Fragment key={row.id}>
          {row.section && row.section !== rows[at - 1]?.section ? <h3 dir="auto">{row.section}</h3> : null}
          <Option
            title={row.title}
            hint={row.description}
            onChoose={() => {
              onClose();
              pick(entry, row.id);
            }}
          />
        </Fragment>
      ))}
    </Sheet>
  );
}
