// Writes the notices of everything that is in the bundle beside it.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

interface Locked {
  packages: Record<string, { version?: string; license?: string; dev?: boolean }>;
}

/** Adds `licences.txt`: name, version, licence and notice of each package that is not for development only. */
export function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      const root = import.meta.dirname;
      const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Locked;
      const bundled = Object.entries(lock.packages).filter(([path, entry]) => path !== "" && !entry.dev);
      const notices = bundled.map(([path, entry]) => {
        const name = path.replace(/^.*node_modules\//, "");
        return `${name} ${entry.version ?? ""} (${entry.license ?? "no licence"})\n\n${notice(join(root, path))}`;
      });
      this.emitFile({ type: "asset", fileName: "licences.txt", source: notices.join(`\n${"-".repeat(80)}\n\n`) });
    },
  };
}

function notice(folder: string): string {
  const files = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^licen[cs]e/i.test(name))
        .sort()
    : [];
  if (files.length === 0) throw new Error(`${folder} has no licence file`);
  return files.map((name) => `${readFileSync(join(folder, name), "utf8").trim()}\n`).join("\n");
}
