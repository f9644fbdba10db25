// Photos and documents: taken by the host at once, named in the answer by what the host gives.
import { type ChangeEvent, useId, useRef, useState } from "react";
import { Icon } from "../../ui/Icon.tsx";
import { t } from "../../words/words.ts";
import { type FieldProps, useScreen } from "../context.ts";
import { type Json, number, text } from "../model.ts";
import { described, idsOf, Labelled } from "./Labelled.tsx";

const MOST_KB = 25_600;
const MOST_FILES = 30;
/** What files were called, by what the host named them; outlives a change of screens. */
const NAMES = new Map<string, string>();

export function PhotoPicker(props: FieldProps) {
  return <Upload {...props} kind="photos" accept="image/jpeg,image/png,image/webp" button={t("add_photo")} />;
}

export function DocumentPicker(props: FieldProps) {
  const kinds = props.properties["allowed-mime-types"];
  return (
    <Upload
      {...props}
      kind="documents"
      accept={Array.isArray(kinds) ? kinds.map(text).join(",") : ""}
      button={t("add_file")}
    />
  );
}

interface UploadProps extends FieldProps {
  kind: "photos" | "documents";
  accept: string;
  button: string;
}

function Upload({ component, properties, value, error, kind, accept, button }: UploadProps) {
  const { answer, upload } = useScreen();
  const ids = idsOf(useId());
  const input = useRef<HTMLInputElement>(null);
  const [state, setState] = useState<{ busy: boolean; problem: string | null }>({ busy: false, problem: null });
  const files = Array.isArray(value) ? value : [];
  const most = number(properties[`max-uploaded-${kind}`]) ?? MOST_FILES;
  const add = async (event: ChangeEvent<HTMLInputElement>) => {
    const picked = [...(event.target.files ?? [])].slice(0, most - files.length);
    event.target.value = "";
    setState({ busy: true, problem: null });
    const { taken, problem } = await uploadAll(picked, number(properties["max-file-size-kb"]) ?? MOST_KB, upload);
    setState({ busy: false, problem });
    if (taken.length > 0) answer(component, [...files, ...taken]);
  };
  return (
    <Labelled ids={ids} properties={properties} error={state.problem ?? error} group>
      <ul className="flow-files">
        {files.map((file, at) => (
          <li key={text(file)}>
            <Icon name={kind === "photos" ? "image" : "file"} /> <bdi>{nameOf(file, at)}</bdi>
            <button
              type="button"
              className="round"
              aria-label={t("remove", { name: nameOf(file, at) })}
              onClick={() => answer(component, files.toSpliced(at, 1), "unselected")}
            >
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
      <input
        ref={input}
        id={ids.input}
        className="hidden"
        type="file"
        tabIndex={-1}
        aria-hidden="true"
        multiple={most > 1}
        accept={accept}
        onChange={(event) => void add(event)}
      />
      <button
        type="button"
        className="flow-add"
        disabled={state.busy || files.length >= most || properties["enabled"] === false}
        aria-describedby={described(ids, properties, state.problem ?? error)["aria-describedby"]}
        onClick={() => input.current?.click()}
      >
        <Icon name="add" /> {state.busy ? t("uploading") : button}
      </button>
    </Labelled>
  );
}

async function uploadAll(files: File[], mostKb: number, upload: (file: File) => Promise<Json>) {
  const taken: Json[] = [];
  for (const file of files) {
    if (file.size > mostKb * 1024) return { taken, problem: t("file_too_large", { name: file.name, kb: mostKb }) };
    try {
      const named = await upload(file);
      NAMES.set(text(named), file.name);
      taken.push(named);
    } catch (error) {
      return {
        taken,
        problem: t("upload_failed", { name: file.name, why: error instanceof Error ? error.message : "" }),
      };
    }
  }
  return { taken, problem: null };
}

function nameOf(file: Json, at: number): string {
  return NAMES.get(text(file)) ?? `${at + 1}`;
}
