// A form that a message offered: opened and carried on through the control surface, drawn by the renderer.
import { useEffect, useMemo, useRef, useState } from "react";
import { Flow, type FlowHost, type FlowView, sensitiveNames } from "../flow/index.ts";
import { Refused, request } from "../sim/api.ts";
import type { Entry } from "../sim/types.ts";
import { t } from "../words/words.ts";
import { useActions } from "./actions.ts";
import { type FormView, shownView } from "./forms.ts";
import { keepMask } from "./masks.ts";

interface FormSheetProps {
  entry: Entry;
  onClose: () => void;
  onProblem: (text: string) => void;
}

interface Form {
  id: string | null;
  screen: string;
  calling: boolean;
  /** What the person did while an answer was awaited. */
  next: { path: string; body: unknown; screen: string } | null;
  gone: boolean;
}

export default function FormSheet({ entry, onClose, onProblem }: FormSheetProps) {
  const { phone } = useActions();
  const [view, setView] = useState<FlowView | null>(null);
  const [busy, setBusy] = useState(false);
  /** The form at the stand-in, and whether a call is under way: read by what outlives a render. */
  const form = useRef<Form>({ id: null, screen: "", calling: false, next: null, gone: false });

  const [call, host] = useMemo(() => {
    const take = (answer: FormView) => {
      if (form.current.gone) return;
      form.current.id = answer.state === "open" ? answer.id : null;
      form.current.screen = answer.screen;
      if (answer.state === "open" || answer.problem) return setView(shownView(answer));
      onClose();
    };
    const call = async (path: string, body: unknown): Promise<void> => {
      if (form.current.calling) {
        // Whoever chooses again while an answer is awaited means the last choice.
        form.current.next = { path, body, screen: form.current.screen };
        return;
      }
      form.current.calling = true;
      setBusy(true);
      try {
        take(await request<FormView>("POST", path, body));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        setView((before) => before && { ...before, problem: { text: error.message, final: false } });
        if (form.current.id === null && !form.current.gone) fail(error.message);
      } finally {
        form.current.calling = false;
        setBusy(false);
      }
      const { next, id, screen } = form.current;
      form.current.next = null;
      if (next && id !== null && next.screen === screen) await call(next.path, next.body);
    };
    const fail = (why: string) => {
      onProblem(why);
      onClose();
    };
    const step = (verb: string, body: unknown) => void call(`forms/${form.current.id}/${verb}`, body);
    const host: FlowHost = {
      exchange: (screen, payload) => step("exchange", { screen, payload }),
      navigate: (screen, next, payload) => step("navigate", { screen, next, payload }),
      back: (screen) => step("back", { screen }),
      complete: (screen, payload, masked) => {
        keepMask(entry.wamid, masked);
        step("complete", { screen, payload });
      },
      close: () => {
        if (form.current.id !== null) void request("POST", `forms/${form.current.id}/close`).catch(() => null);
        form.current.id = null;
        onClose();
      },
      upload: async (file) => (await request<{ id: string }>("POST", "media", file)).id,
    };
    return [call, host];
  }, [entry.wamid, onClose, onProblem]);

  useEffect(() => {
    const current = form.current;
    current.gone = false;
    return () => void (current.gone = true);
  }, []);
  useEffect(() => void call(`phones/${phone}/forms`, { wamid: entry.wamid }), [call, phone, entry.wamid]);
  useEffect(() => {
    // An endpoint that ends the form names the answers itself.
    if (view) keepMask(entry.wamid, sensitiveNames(view.flow));
  }, [entry.wamid, view?.flow]);

  if (!view)
    return (
      <p className="opening" role="status">
        {t("opening")}
      </p>
    );
  return <Flow view={view} busy={busy} host={host} />;
}
