// One screen: its parts, what is wrong with them, and what happens when somebody answers or goes on.
import { type Dispatch, type SetStateAction, useMemo, useRef, useState } from "react";
import { t } from "../words/words.ts";
import {
  type Action,
  action,
  components,
  type Component,
  type FlowHost,
  type FlowView,
  isObj,
  type Json,
  screenOf,
  text,
} from "./model.ts";
import { problem } from "./checks.ts";
import { ScreenContext, type ScreenContextValue } from "./context.ts";
import { PartView } from "./PartView.tsx";
import { isInput, nameOf, type Part, properties, visibleParts } from "./parts.ts";
import { resolve, resolveObj, type Scope } from "./reference.ts";
import { edit, type FormState, maskedNames, scopeOf, updateData } from "./state.ts";

/** Actions that take the answers along, and so ask for complete ones first. */
const TAKING = ["navigate", "data_exchange", "complete"];

interface ScreenBodyProps {
  state: FormState;
  setState: Dispatch<SetStateAction<FormState>>;
  view: FlowView;
  busy: boolean;
  host: FlowHost;
}

export function ScreenBody({ state, setState, view, busy, host }: ScreenBodyProps) {
  const body = useRef<HTMLDivElement>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const scope = useMemo(() => scopeOf(state), [state]);
  const children = components(screenOf(view.flow, view.screen)?.layout?.children as Json | undefined);
  const parts = visibleParts(children, scope);
  const footer = parts.filter((part) => part.component.type === "Footer");

  const act = (wanted: Action, component: Component, at: FormState): void => {
    try {
      perform(wanted, component, at, { host, setState, view });
    } catch (error) {
      setNotice(error instanceof Error ? error.message : String(error));
    }
  };
  const goOn = (wanted: Action, component: Component): void => {
    const wrong = component.type === "Footer" && TAKING.includes(wanted.name) ? firstProblem(parts, scope) : null;
    if (wrong === null) return act(wanted, component, state);
    setState({ ...state, tried: true });
    focusField(body.current, wrong);
  };
  const context: ScreenContextValue = {
    flow: view.flow,
    scope,
    busy,
    upload: host.upload,
    act: goOn,
    answer: (component, value, how = "selected") => {
      const next = edit(state, nameOf(component), value);
      setNotice(null);
      setState(next);
      const wanted = action(component[how === "selected" ? "on-select-action" : "on-unselect-action"]);
      if (wanted) act(wanted, component, next);
    },
    errorOf: (name) => errorOf(name, parts, scope, state),
  };
  const snack = notice ?? (state.changed.length === 0 ? (view.errorMessage ?? view.problem?.text ?? null) : null);
  return (
    <ScreenContext value={context}>
      <div ref={body} className="flow-body" tabIndex={-1}>
        {parts
          .filter((part) => !footer.includes(part))
          .map((part) => (
            <PartView key={part.key} part={part} />
          ))}
      </div>
      {snack ? (
        <p className="snackbar" role="alert" dir="auto">
          {snack}
        </p>
      ) : null}
      <p className="hidden" role="status">
        {busy ? t("waiting") : ""}
      </p>
      {footer.map((part) => (
        <PartView key={part.key} part={part} />
      ))}
    </ScreenContext>
  );
}

interface Means {
  host: FlowHost;
  setState: Dispatch<SetStateAction<FormState>>;
  view: FlowView;
}

function perform(wanted: Action, component: Component, state: FormState, { host, setState, view }: Means): void {
  const scope = scopeOf(state);
  const payload = resolveObj(wanted.payload ?? {}, scope);
  switch (wanted.name) {
    case "navigate":
      return host.navigate(view.screen, wanted.next?.name ?? "", payload);
    case "data_exchange":
      return host.exchange(view.screen, payload);
    case "complete":
      return host.complete(view.screen, payload, maskedNames(state, wanted.payload ?? {}));
    case "update_data":
      return setState(updateData(state, payload));
    case "open_url":
      return openAddress(text(resolve(wanted.url, scope)));
    default:
      throw new Error(`${component.type}: ${wanted.name}`);
  }
}

function openAddress(address: string): void {
  if (/^https?:\/\//.test(address)) window.open(address, "_blank", "noopener,noreferrer");
}

function firstProblem(parts: Part[], scope: Scope): string | null {
  const wrong = parts.find((part) => isInput(part.component) && problemOf(part.component, scope) !== null);
  return wrong ? nameOf(wrong.component) : null;
}

function problemOf(component: Component, scope: Scope): string | null {
  const resolved = properties(component, scope);
  if (resolved["enabled"] === false) return null;
  return problem(component.type, resolved, scope.form[nameOf(component)] ?? "");
}

/** What the business says of a field comes first, until the person changes it. */
function errorOf(name: string, parts: Part[], scope: Scope, state: FormState): string | null {
  const part = parts.find((one) => isInput(one.component) && nameOf(one.component) === name);
  if (!part) return null;
  const own = part.component["error-message"];
  if (!state.changed.includes(name)) {
    const all = resolve(part.errors, scope);
    const said = (isObj(all) && text(all[name])) || (isDynamic(own) ? text(resolve(own, scope)) : "");
    if (said) return said;
  }
  return state.tried ? problemOf(part.component, scope) : null;
}

/** A fixed message is said when the field is wrong, one that refers to data whenever there is one. */
function isDynamic(message: Json | undefined): boolean {
  return typeof message === "string" && /\$\{/.test(message);
}

function focusField(body: HTMLElement | null, name: string): void {
  const field = body?.querySelector<HTMLElement>(`[data-field="${CSS.escape(name)}"]`);
  field?.querySelector<HTMLElement>("input, textarea, select, button")?.focus();
}
