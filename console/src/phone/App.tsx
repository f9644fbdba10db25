// The page: phones as tabs, the conversation of the chosen one, and the tools beside it.
import { useCallback, useEffect, useRef, useState } from "react";
import { Drawer } from "../drawer/Drawer.tsx";
import { ask } from "../sim/api.ts";
import type { Items, PhoneInfo } from "../sim/types.ts";
import { useTranscript } from "../sim/useTranscript.ts";
import { useAlert } from "../ui/alerts.ts";
import { Icon } from "../ui/Icon.tsx";
import { Tabs } from "../ui/Tabs.tsx";
import { useNarrow } from "../ui/useNarrow.ts";
import { t } from "../words/words.ts";
import { Conversation } from "./Conversation.tsx";

export function App() {
  const [phones, setPhones] = useState<PhoneInfo[]>([]);
  const [chosen, setChosen] = useState(askedPhone);
  const refresh = useCallback(async () => {
    const found = await ask<Items<PhoneInfo>>("GET", "phones");
    if (found) setPhones(found.items);
  }, []);
  useEffect(() => void refresh(), [refresh]);
  const phone = phones.find((one) => one.phone === chosen) ?? phones[0];
  const select = (next: number) => {
    setChosen(next);
    const address = new URL(location.href);
    address.searchParams.set("phone", String(next));
    history.replaceState(null, "", address);
  };
  return <Page phones={phones} phone={phone} select={select} refresh={refresh} />;
}

function askedPhone(): number {
  return Number(new URLSearchParams(location.search).get("phone") ?? 1);
}

interface PageProps {
  phones: PhoneInfo[];
  phone: PhoneInfo | undefined;
  select: (phone: number) => void;
  refresh: () => Promise<void>;
}

function Page({ phones, phone, select, refresh }: PageProps) {
  const [tools, setTools] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const showTools = (open: boolean) => {
    setTools(open);
    if (!open) opener.current?.focus();
  };
  const problem = useAlert();
  useEffect(() => {
    document.title = phone ? t("title", { phone: phone.phone, name: phone.name }) : t("phones");
  }, [phone]);
  const tabs = phones.map((one) => ({ key: one.phone, label: t("phone_n", { n: one.phone }), title: one.name }));
  return (
    <>
      <header className="top">
        <h1>{t("simulator")}</h1>
        <Tabs label={t("phones")} tabs={tabs} chosen={phone?.phone ?? 0} controls="phone" onChoose={select} />
        <button
          ref={opener}
          type="button"
          className="quiet tools-open"
          aria-expanded={tools}
          aria-controls="drawer"
          onClick={() => showTools(!tools)}
        >
          <Icon name="tools" /> {t("tools")}
        </button>
      </header>
      {phone ? <Live key={phone.phone} phone={phone} refresh={refresh} tools={tools} setTools={showTools} /> : <main />}
      {problem ? (
        <p className="alert" role="alert" dir="auto">
          {problem}
        </p>
      ) : null}
    </>
  );
}

interface LiveProps {
  phone: PhoneInfo;
  refresh: () => Promise<void>;
  tools: boolean;
  setTools: (open: boolean) => void;
}

function Live({ phone, refresh, tools, setTools }: LiveProps) {
  const live = useTranscript(phone.phone);
  const covered = useNarrow() && tools;
  return (
    <main>
      <Conversation phone={phone} live={live} refresh={refresh} covered={covered} />
      <Drawer
        phone={phone.phone}
        open={tools}
        pulse={live.pulse}
        reload={live.reload}
        onClose={() => setTools(false)}
      />
    </main>
  );
}
