// What a person can do besides typing: attach, come from an ad, move, hide, block; and the business on its own phone.
import { ask } from "../sim/api.ts";
import type { Content, PhoneInfo } from "../sim/types.ts";
import { Option, Sheet } from "../ui/Sheet.tsx";
import { t, type Word } from "../words/words.ts";

const KINDS: readonly [Word, Word | null, Content][] = [
  ["photo", "photo_hint", { type: "image", caption: "Have a look" }],
  ["video", "video_hint", { type: "video" }],
  ["voice_message", "voice_hint", { type: "audio" }],
  ["sound", "sound_hint", { type: "audio", voice: false }],
  ["document", "document_hint", { type: "document" }],
  ["sticker", null, { type: "sticker" }],
  ["location", "location_hint", { type: "location" }],
  ["contact", "contact_hint", { type: "contacts" }],
  ["order", "order_hint", { type: "order" }],
  ["unsupported", "unsupported_hint", { type: "unsupported" }],
];
const LOOK: Content = { type: "text", body: "Look at this" };

interface AttachSheetProps {
  phone: PhoneInfo;
  onSend: (content: Content, more?: Record<string, unknown>) => void;
  onClose: () => void;
  refresh: () => Promise<void>;
}

export function AttachSheet({ phone, onSend, onClose, refresh }: AttachSheetProps) {
  const act =
    (verb: string, body: unknown, method = "POST") =>
    async () => {
      onClose();
      await ask(method, `phones/${phone.phone}/${verb}`, body);
      await refresh();
    };
  const ad: Content = { type: "text", body: "Tell me more" };
  const echo = { text: "It is me, from the shop. How can I help?" };
  return (
    <Sheet title={t("send")} onClose={onClose}>
      {KINDS.map(([title, hint, content]) => (
        <Option key={title} title={t(title)} hint={hint ? t(hint) : undefined} onChoose={() => onSend(content)} />
      ))}
      <h3>{t("how_it_comes")}</h3>
      <Option title={t("from_ad")} hint={t("from_ad_hint")} onChoose={() => onSend(ad, { from_ad: true })} />
      <Option title={t("forwarded")} onChoose={() => onSend(LOOK, { forwarded: "once" })} />
      <Option title={t("forwarded_often")} onChoose={() => onSend(LOOK, { forwarded: "often" })} />
      <h3>{t("this_person")}</h3>
      <Person phone={phone} act={act} />
      <h3>{t("the_business")}</h3>
      <Option title={t("echo")} hint={t("echo_hint")} onChoose={act("business-wrote", echo)} />
    </Sheet>
  );
}

interface PersonProps {
  phone: PhoneInfo;
  act: (verb: string, body: unknown, method?: string) => () => void;
}

function Person({ phone, act }: PersonProps) {
  const { hides_number: hidden, stopped_marketing: stopped, blocks_business: blocked } = phone;
  const username = hidden ? "" : phone.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, ".");
  return (
    <>
      <Option title={t("move")} hint={t("move_hint")} onChoose={act("change-number", {})} />
      <Option
        title={hidden ? t("show_number") : t("adopt_username")}
        hint={t("username_hint")}
        onChoose={act("profile", { username, hides_number: !hidden }, "PUT")}
      />
      <Option
        title={stopped ? t("resume_marketing") : t("stop_marketing")}
        hint={t("marketing_hint")}
        onChoose={act("marketing", { stopped: !stopped })}
      />
      <Option
        title={blocked ? t("unblock") : t("block")}
        hint={t("block_hint")}
        onChoose={act("block", { blocked: !blocked })}
      />
    </>
  );
}
