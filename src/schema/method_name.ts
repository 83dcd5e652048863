import type { Field, ScalarType } from "./field.ts";
import { hasVersion } from "./versions.ts";

/** How a field of one version looks on the wire. */
export interface WireForm {
  readonly isCompact: boolean;
  readonly isNullable: boolean;
}

export function wireFormOf(field: Field, version: number, isFlexible: boolean): WireForm {
  return {
    isCompact: isFlexible && field.options.flexible !== "none",
    isNullable: hasVersion(field.options.nullable, version),
  };
}

/** The method of `SchemaReader` and of `SchemaWriter` for a scalar. */
export function methodName(type: ScalarType, { isCompact, isNullable }: WireForm): string {
  if (type !== "string" && type !== "bytes" && type !== "records") return type;
  const base = type === "string" ? "String" : "Data";
  const name = `${isCompact ? "compact" : ""}${isNullable ? "Nullable" : ""}${base}`;
  return name.charAt(0).toLowerCase() + name.slice(1);
}
