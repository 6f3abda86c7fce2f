import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Writes files whole or not at all, without holding up the host's loop. For the owner alone. */
export async function writeArtefacts(
  dir: string, files: Readonly<Record<string, string>>,
): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await Promise.all(Object.entries(files).map(async ([name, content]) => {
    const temporary = join(dir, `.${name}.${process.pid}.tmp`);
    await writeFile(temporary, content, { mode: 0o600 });
    await rename(temporary, join(dir, name));
  }));
}
