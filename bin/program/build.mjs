/** Makes one JavaScript file of the program's TypeScript modules. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** In the bundle, a module still knows where its own file is. */
const whereModulesAre = {
  name: 'where-modules-are',
  setup: (build) => build.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
    loader: 'ts',
    contents: readFileSync(path, 'utf8')
      .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
      .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
  })),
};

/**
 * @param {string} entry path of the module whose exports the bundle has
 * @returns {Promise<{ code: string, modules: string[] }>} a CommonJS module in ASCII, and the paths of what it was made from
 */
export async function buildProgram(entry) {
  const { build, stop } = await import('esbuild');
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    // Packages are loaded from where they are.
    packages: 'external',
    plugins: [whereModulesAre],
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  await stop();
  // V8 reads one-byte strings faster; outside of ASCII are only characters in literals and comments.
  const code = outputFiles[0].text.replaceAll(/[^\n\t\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return { code, modules: Object.keys(metafile.inputs).map((path) => resolve(path)) };
}
