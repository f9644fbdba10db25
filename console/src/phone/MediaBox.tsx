// A preview of what the stand-in holds; a labelled box for everything else.
import { useState } from "react";
import type { Attachment } from "../sim/types.ts";
import { Icon, type IconName } from "../ui/Icon.tsx";
import { t } from "../words/words.ts";

const ICONS: Record<string, IconName> = {
  image: "image",
  video: "play",
  audio: "sound",
  voice: "sound",
  document: "file",
  sticker: "smile",
};
const PREVIEWS = ["image", "sticker"];

export function MediaBox({ media }: { media: Attachment }) {
  const [lost, setLost] = useState(false);
  const name = media.filename ?? (media.voice ? t("voice_message") : media.kind);
  if (PREVIEWS.includes(media.kind) && media.id && !lost) {
    const address = `/_sim/media/${encodeURIComponent(media.id)}`;
    return <img className={media.kind} src={address} alt={name} onError={() => setLost(true)} />;
  }
  const hint = lost ? t("no_longer_kept") : media.link;
  return (
    <div className="media">
      <span className="media-icon">
        <Icon name={ICONS[media.voice ? "voice" : media.kind] ?? "file"} />
      </span>
      <span className="media-words">
        <bdi>{name}</bdi>
        {hint ? (
          <small>
            <bdi>{hint}</bdi>
          </small>
        ) : null}
      </span>
    </div>
  );
}
