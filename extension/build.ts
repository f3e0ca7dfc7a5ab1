/**
 * Builds the extension and packages it: `node extension/build.ts` leaves extension/out/skas.vsix. Everything in it is bundled; the
 * package.json is made from manifest.ts.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { attributesTable } from '../dap/session/launch-attributes.ts';
import { SKAS_VERSION } from '../stub/version.ts';
import { manifest } from './manifest.ts';

const root = join(import.meta.dirname, '..');
const out = join(import.meta.dirname, 'out');
const folder = join(out, 'package');
const LARGEST = 2 * 2 ** 20;

/** CommonJS modules in an ES module bundle look for these. */
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module';", "import { fileURLToPath as __fileURLToPath } from 'node:url';", "import { dirname as __pathDirname } from 'node:path';",
  'const require = __createRequire(import.meta.url); const __filename = __fileURLToPath(import.meta.url); const __dirname = __pathDirname(__filename);',
].join(' ');

async function bundle(entry: string, target: string, format: 'esm' | 'cjs'): Promise<void> {
  await build({
    entryPoints: [join(root, entry)], outfile: join(folder, 'dist', target), bundle: true, platform: 'node', target: 'node22', format, minify: true, legalComments: 'none', external: ['vscode'],
    logLevel: 'warning', ...(format === 'esm' ? { banner: { js: BANNER } } : {}),
  });
}

rmSync(out, { recursive: true, force: true });
mkdirSync(join(folder, 'dist'), { recursive: true });
await bundle('extension/extension.ts', 'extension.cjs', 'cjs');
await bundle('dap/main.ts', 'adapter.mjs', 'esm');
await bundle('stub/cli/main.ts', 'skas-main.mjs', 'esm');
// Compiled once, not at every start.
writeFileSync(join(folder, 'dist', 'skas.mjs'), [
  "import * as nodeModule from 'node:module';", "import { homedir } from 'node:os';", "import { join } from 'node:path';",
  "nodeModule.enableCompileCache?.(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'skas', 'compile'));",
  "const { main } = await import('./skas-main.mjs');", 'process.exit(await main(process.argv.slice(2)));', '',
].join('\n'));
copyFileSync(join(root, 'node_modules', 'iced-x86', 'iced_x86_bg.wasm'), join(folder, 'dist', 'iced_x86_bg.wasm'));
cpSync(join(import.meta.dirname, 'walkthrough'), join(folder, 'walkthrough'), { recursive: true });
for (const name of ['LICENSE', 'CHANGELOG.md']) copyFileSync(join(root, name), join(folder, name));
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(SKAS_VERSION), undefined, 2)}\n`);
writeFileSync(join(folder, 'README.md'), `# skas\n\nBoots a User Mode Linux kernel in an emulated machine and debugs it. Add a configuration of type \`skas\` to launch.json and press F5.\n\n${attributesTable()}\n`);
execFileSync(process.execPath, [join(root, 'node_modules', '@vscode', 'vsce', 'vsce'), 'package', '--no-dependencies', '--allow-missing-repository', '--out', join(out, 'skas.vsix')], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
const { size } = statSync(join(out, 'skas.vsix'));
if (size > LARGEST) throw new Error(`skas.vsix has ${size} bytes, more than ${LARGEST}`);
console.log(`${join(out, 'skas.vsix')} (${(size / 1024).toFixed(0)} KB)`);
