// Light, dark, or what the system says; kept on this machine.
const STORED = "parlance.theme";
export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];

export function theme(): Theme {
  try {
    const known = localStorage.getItem(STORED);
    return known === "light" || known === "dark" ? known : "system";
  } catch {
    return "system";
  }
}

export function setTheme(next: Theme): void {
  localStorage.setItem(STORED, next);
  applyTheme();
}

export function applyTheme(): void {
  const chosen = theme();
  if (chosen === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
}
