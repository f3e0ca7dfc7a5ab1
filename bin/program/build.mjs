/** Makes one JavaScript file of the program's TypeScript modules. */
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @param {string} entry path of the module whose exports the bundle has
 * @returns {Promise<{ code: string, modules: string[] }>} a CommonJS module in ASCII, and the paths of what it was made from
 */
export async function buildProgram(entry) {
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({
    input: entry,
    platform: 'node',
    // Packages are loaded from where they are.
    external: /^[^./]/,
    treeshake: false,
    plugins: [{
      name: 'where-a-module-was',
      transform: {
        filter: { code: 'import.meta.' },
        handler: (code, id) => code
          .replaceAll('import.meta.dirname', JSON.stringify(dirname(id)))
          .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href)),
      },
    }],
  });
  const { output: [chunk] } = await bundle.generate({ format: 'cjs', codeSplitting: false, comments: false });
  await bundle.close();
  // V8 reads one-byte strings faster; outside of ASCII are only characters in string literals.
  const code = chunk.code.replaceAll(/[^\n\t\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return { code, modules: chunk.moduleIds.filter((id) => id.startsWith('/')) };
}
