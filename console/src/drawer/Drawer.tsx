// The tools beside the phone: trouble, clock, the raw log, and how the page looks.
import { useEffect, useRef, useState } from "react";
import { Icon } from "../ui/Icon.tsx";
import { Tabs } from "../ui/Tabs.tsx";
import { t } from "../words/words.ts";
import { ClockPanel } from "./ClockPanel.tsx";
import { LogPanel } from "./LogPanel.tsx";
import { PagePanel } from "./PagePanel.tsx";
import { TroublePanel } from "./TroublePanel.tsx";

type Panel = "trouble" | "clock" | "log" | "page";
const PANELS: readonly Panel[] = ["trouble", "clock", "log", "page"];

interface DrawerProps {
  phone: number;
  /** On narrow screens it covers the phone, and has to be opened. */
  open: boolean;
  pulse: number;
  reload: () => void;
  onClose: () => void;
}

export function Drawer({ phone, open, pulse, reload, onClose }: DrawerProps) {
  const [panel, setPanel] = useState<Panel>("trouble");
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (open) close.current?.focus();
  }, [open]);
  const tabs = PANELS.map((key) => ({ key, label: t(`panel_${key}`) }));
  return (
    <aside
      id="drawer"
      className={open ? "drawer open" : "drawer"}
      aria-label={t("tools")}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <header>
        <Tabs label={t("tools")} tabs={tabs} chosen={panel} controls="panel" onChoose={setPanel} />
        <button ref={close} type="button" className="round drawer-close" aria-label={t("close")} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <section id="panel" role="tabpanel" tabIndex={0} aria-labelledby={`panel-${panel}`}>
        {panel === "trouble" ? <TroublePanel pulse={pulse} /> : null}
        {panel === "clock" ? <ClockPanel phone={phone} reload={reload} /> : null}
        {panel === "log" ? <LogPanel pulse={pulse} /> : null}
        {panel === "page" ? <PagePanel /> : null}
      </section>
    </aside>
  );
}
