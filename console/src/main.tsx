// Starts the phone page.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./phone/App.tsx";
import "./styles/base.css";
import "./styles/phone.css";
import "./styles/chat.css";
import "./styles/drawer.css";
import { Failure } from "./ui/Failure.tsx";
import { applyTheme } from "./ui/theme.ts";
import { applyLanguage, t } from "./words/words.ts";

applyLanguage();
applyTheme();
const root = document.getElementById("root");
if (root) {
  // What fails inside of a part is said in its place.
  createRoot(root, { onCaughtError: () => undefined }).render(
    <StrictMode>
      <Failure
        instead={(error) => (
          <p className="alert" role="alert">
            {t("page_failed", { why: error.message })}
          </p>
        )}
      >
        <App />
      </Failure>
    </StrictMode>,
  );
}
