/**
 * The language in which Kafka's messages and record schemas are declared: each field once, with the versions that have
 * it (Kafka's `clients/src/main/resources/common/message/README.md`). The types of the values follow from the
 * declaration.
 *
 * An int64 is a `number`: exact within ±2^53, the nearest double beyond. Offsets, timestamps, sizes, producer ids and
 * epochs all lie within; the one larger number there is, the default 2^63 − 1 of a follower's high watermark, is never
 * written. A uuid is its text of 22 characters. Bytes are views into what was read.
 */

export type ScalarType =
  | "bool"
  | "int8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "float64"
  | "string"
  | "uuid"
  | "bytes"
  | "records";

interface ScalarValues {
  bool: boolean;
  int8: number;
  int16: number;
  uint16: number;
  int32: number;
  uint32: number;
  int64: number;
  float64: number;
  string: string;
  uuid: string;
  bytes: Uint8Array;
  records: Uint8Array;
}

/** What a writer takes: record batches may be many slices, which it passes on without a copy. */
interface ScalarInputs extends Omit<ScalarValues, "records"> {
  records: Uint8Array | readonly Uint8Array[];
}

export interface FieldOptions {
  /** Versions in which the field may be null. */
  readonly nullable?: string;
  /** What a version without the field, or a writer that was given none, has. Zero, empty or false if not said. */
  readonly default?: string | number | boolean | null;
  /** The number of a tagged field; such a field is written only when it is not the default. */
  readonly tag?: number;
  /** Whether a version without the field may drop a value. If not, a value other than the default is our bug. */
  readonly ignorable?: true;
  /** `none`: not compact in flexible versions either. */
  readonly flexible?: "none";
}

export interface Fields {
  readonly [name: string]: Field;
}

export type ElementType = ScalarType | Fields;

export interface Field<
  E extends ElementType = ElementType,
  IsArray extends boolean = boolean,
  O extends FieldOptions = FieldOptions,
> {
  readonly element: E;
  readonly isArray: IsArray;
  readonly versions: string;
  readonly options: O;
}

type OrNull<T, O extends FieldOptions> = O extends { readonly nullable: string } ? T | null : T;

type ElementValue<E> = E extends ScalarType ? ScalarValues[E] : E extends Fields ? StructValue<E> : never;
type ElementInput<E> = E extends ScalarType ? ScalarInputs[E] : E extends Fields ? StructInput<E> : never;

type FieldValue<F> = F extends Field<infer E, infer IsArray, infer O>
  ? OrNull<IsArray extends true ? readonly ElementValue<E>[] : ElementValue<E>, O>
  : never;
type FieldInput<F> = F extends Field<infer E, infer IsArray, infer O>
  ? OrNull<IsArray extends true ? readonly ElementInput<E>[] : ElementInput<E>, O>
  : never;

/** Fields that a writer may leave out: those with a default of their own, tagged, nullable or ignorable ones. */
type OptionalNames<F extends Fields> = {
  [Name in keyof F]: F[Name]["options"] extends
    | { readonly default: string | number | boolean | null }
    | { readonly tag: number }
    | { readonly nullable: string }
    | { readonly ignorable: true } ? Name
    : never;
}[keyof F];

/** What a reader gives: every field, in every version. */
export type StructValue<F extends Fields> = { readonly [Name in keyof F]: FieldValue<F[Name]> };

/** What a writer takes. */
export type StructInput<F extends Fields> =
  & { readonly [Name in Exclude<keyof F, OptionalNames<F>>]: FieldInput<F[Name]> }
  & { readonly [Name in OptionalNames<F>]?: FieldInput<F[Name]> | undefined };

type NoOptions = Record<never, never>;

function scalar<E extends ScalarType>(element: E) {
  return <const O extends FieldOptions = NoOptions>(versions: string, options?: O): Field<E, false, O> => ({
    element,
    isArray: false,
    versions,
    options: options ?? {} as O,
  });
}

export const bool = scalar("bool");
export const int8 = scalar("int8");
export const int16 = scalar("int16");
export const uint16 = scalar("uint16");
export const int32 = scalar("int32");
export const uint32 = scalar("uint32");
export const int64 = scalar("int64");
export const float64 = scalar("float64");
export const string = scalar("string");
export const uuid = scalar("uuid");
export const bytes = scalar("bytes");
export const records = scalar("records");

/** Fields of their own inside a message. */
export function struct<const F extends Fields, const O extends FieldOptions = NoOptions>(
  versions: string,
  fields: F,
  options?: O,
): Field<F, false, O> {
  return { element: fields, isArray: false, versions, options: options ?? {} as O };
}

/** Any number of scalars, or of structs with these fields. */
export function array<const E extends ElementType, const O extends FieldOptions = NoOptions>(
  versions: string,
  element: E,
  options?: O,
): Field<E, true, O> {
  return { element, isArray: true, versions, options: options ?? {} as O };
}
