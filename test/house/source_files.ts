import { readdir, readFile } from "node:fs/promises";

const ROOT = new URL("../../", import.meta.url);

export interface SourceFile {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** All files with one of the endings in a folder of the project and below it, sorted by path. */
export async function readSourceFiles(folder: string, endings: readonly string[] = [".ts"]): Promise<SourceFile[]> {
  const names = await readdir(new URL(`${folder}/`, ROOT), { recursive: true });
  const paths = names.map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((path) => endings.some((ending) => path.endsWith(ending))).sort();
  return await Promise.all(paths.map(async (path) => ({ path, text: await readFile(new URL(path, ROOT), "utf8") })));
}
