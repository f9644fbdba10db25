// Images inside of Flow JSON are base64, of JPEG, PNG or WebP; nothing is fetched.
const KINDS: readonly [prefix: string, kind: string][] = [
  ["/9j/", "jpeg"],
  ["iVBOR", "png"],
  ["UklGR", "webp"],
];
const MOST_CHARS = 2_000_000;

/** An address for an image element; null for what is no such image. */
export function imageSource(base64: string): string | null {
  const bare = base64.replace(/^data:image\/[a-z+.-]+;base64,/i, "").replaceAll(/\s/g, "");
  const kind = KINDS.find(([prefix]) => bare.startsWith(prefix))?.[1];
  if (!kind || bare.length > MOST_CHARS || !/^[A-Za-z0-9+/=]+$/.test(bare)) return null;
  return `data:image/${kind};base64,${bare}`;
}
