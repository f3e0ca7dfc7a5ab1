/**
 * Loads the program: its modules as one JavaScript file, with V8's code for it, from the cache where that is up to date: made by this Node from
 * files which have the same sizes and times now. The files of the cache may be missing, stale or damaged at any time.
 */
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';
import { cacheFolder, readCacheFile, writeCacheFile } from './cache-file.mjs';

/** @typedef {typeof import('../../stub/cli/program.ts')} Program */
/** @typedef {readonly [path: string, size: number, mtimeMs: number]} ModuleStamp */

const ENTRY = fileURLToPath(new URL('../../stub/cli/program.ts', import.meta.url));
/** A file whose time is not older than this when it was read may still have been changed without a trace. Milliseconds. */
const TIME_STEP = 50;
/** V8's code is written again by a run this many times longer than the one that left it: it has needed functions which the other has not. */
const LONGER = 4;

/** @param {string} path @returns {ModuleStamp} */
function stampOf(path) {
  const { size, mtimeMs } = statSync(path);
  return [path, size, mtimeMs];
}

/** @param {readonly ModuleStamp[]} stamps */
function unchanged(stamps) {
  try {
    return stamps.every(([path, size, time]) => {
      const now = statSync(path);
      return now.size === size && now.mtimeMs === time;
    });
  } catch {
    return false;
  }
}

/** @param {string | undefined} path */
async function buildSource(path) {
  const begin = Date.now();
  const { buildProgram } = await import('./build.mjs');
  const { code, modules } = await buildProgram(ENTRY);
  const source = `(function (exports, require, module, __filename, __dirname) {${code}\n})`;
  const identity = `${process.pid} ${begin} ${performance.now()}`;
  const stamps = [...modules, fileURLToPath(new URL('build.mjs', import.meta.url)), fileURLToPath(import.meta.url)].map(stampOf);
  if (path !== undefined && stamps.every(([, , time]) => time < begin - TIME_STEP)) writeCacheFile(path, { identity, stamps }, Buffer.from(source, 'latin1'));
  return { source, identity };
}

/** @param {string | undefined} path */
function cachedSource(path) {
  const file = path === undefined ? undefined : readCacheFile(path);
  if (file === undefined || !unchanged(file.facts.stamps)) return undefined;
  return { source: file.contents.toString('latin1'), identity: file.facts.identity };
}

/** @returns {Promise<{ program: Program, finish: () => void }>} the program; `finish`, called at its end, saves what makes the next start faster */
export async function loadProgram() {
  const folder = cacheFolder();
  const name = crc32(`${process.version} ${process.arch} ${ENTRY}`).toString(16).padStart(8, '0');
  const sourcePath = folder && join(folder, `program-${name}.js`);
  const codePath = folder && join(folder, `program-${name}.code`);
  const enginePath = folder && join(folder, `program-${name}.engine`);
  const { source, identity } = cachedSource(sourcePath) ?? (await buildSource(sourcePath));
  const cached = codePath === undefined ? undefined : readCacheFile(codePath);
  const usable = cached?.facts.identity === identity;
  // V8 takes only code that was made under the same flags.
  if (usable) for (const flag of cached.facts.flags) setFlagsFromString(flag);
  const script = new Script(source, { filename: sourcePath ?? 'skas.js', ...(usable ? { cachedData: cached.contents } : {}) });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(ENTRY), module, ENTRY, dirname(ENTRY));
  const program = module.exports;
  program.setEngineFlags();
  const engine = new program.CompiledModules(enginePath && readCacheFile(enginePath)?.contents);
  program.useCompiledModules(engine);
  const finish = () => {
    const image = engine.image();
    if (enginePath !== undefined && image !== undefined) writeCacheFile(enginePath, {}, image);
    const seconds = process.uptime();
    if (codePath === undefined || (usable && script.cachedDataRejected === false && seconds < cached.facts.seconds * LONGER)) return;
    writeCacheFile(codePath, { identity, flags: program.ENGINE_FLAGS, seconds }, script.createCachedData());
  };
  return { program, finish };
}
