// Pictures on a screen.
import type { CSSProperties } from "react";
import { t } from "../words/words.ts";
import type { PartProps } from "./context.ts";
import { imageSource } from "./images.ts";
import { isObj, type Json, number, type Obj, text } from "./model.ts";

export function FlowImage({ properties }: PartProps) {
  return <Picture image={properties} />;
}

export function ImageCarousel({ properties }: PartProps) {
  const images = (Array.isArray(properties["images"]) ? properties["images"] : []).filter(isObj);
  const style = { aspectRatio: ratio(properties["aspect-ratio"]), objectFit: fit(properties) };
  return (
    <div
      className="flow-carousel"
      tabIndex={0}
      role="group"
      aria-roledescription="carousel"
      aria-label={t("picture_n", { n: 1, most: images.length })}
    >
      {images.map((image, at) => (
        <Picture key={at} image={image} style={style} />
      ))}
    </div>
  );
}

function Picture({ image, style }: { image: Obj; style?: CSSProperties }) {
  const source = imageSource(text(image["src"]));
  const name = text(image["alt-text"]);
  if (!source)
    return (
      <p className="flow-placeholder" role="note">
        {name || t("image_lost")}
      </p>
    );
  const own: CSSProperties = {
    width: number(image["width"]),
    height: number(image["height"]),
    aspectRatio: ratio(image["aspect-ratio"]),
    objectFit: fit(image),
  };
  return <img className="flow-image" src={source} alt={name} style={style ?? own} />;
}

function fit(image: Obj): "cover" | "contain" {
  return image["scale-type"] === "cover" ? "cover" : "contain";
}

/** A number, or `4:3`. */
function ratio(value: Json | undefined): string | undefined {
  const [wide, high] = text(value).split(":").map(Number);
  if (wide && high) return `${wide} / ${high}`;
  const one = number(value);
  return one && one > 0 ? String(one) : undefined;
}
