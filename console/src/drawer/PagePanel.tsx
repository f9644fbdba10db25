// How the page looks and in which language it speaks; kept in this browser.
import { useState } from "react";
import { setTheme, THEMES, theme } from "../ui/theme.ts";
import { LANGUAGES, language, setLanguage, t } from "../words/words.ts";

export function PagePanel() {
  const [chosen, setChosen] = useState(theme);
  return (
    <>
      <h2>{t("theme")}</h2>
      <div className="row">
        {THEMES.map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={one === chosen}
            onClick={() => {
              setTheme(one);
              setChosen(one);
            }}
          >
            {t(`theme_${one}`)}
          </button>
        ))}
      </div>
      <h2>{t("language")}</h2>
      <div className="row">
        {LANGUAGES.map(([one, name]) => (
          <button key={one} type="button" lang={one} aria-pressed={one === language} onClick={() => setLanguage(one)}>
            {name}
          </button>
        ))}
      </div>
    </>
  );
}
