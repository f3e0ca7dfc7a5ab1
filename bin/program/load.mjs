/**
 * Loads the program: its modules as one JavaScript file, with V8's code for it, from the cache where that is up to date: made by this Node from
 * files which have the same sizes and times now. The files of the cache may be missing, stale or damaged at any time.
 */
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';
import { cacheFolder, readCacheFile, writeCacheFile } from './cache-file.mjs';

/** @typedef {typeof import('../../stub/cli/program.ts')} Program */
/** @typedef {readonly [path: string, size: number, mtimeMs: number]} ModuleStamp */

const ENTRY = fileURLToPath(new URL('../../stub/cli/program.ts', import.meta.url));
/** A file whose time is not older than this when it was read may still have been changed without a trace. Milliseconds. */
const TIME_STEP = 50;
/** V8's code is written again by a run that took this many times the user time of the one that left it: it has needed more functions. */
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

/** @param {string | undefined} path where to keep it */
async function buildSource(path) {
  const begin = Date.now();
  const { buildProgram } = await import('./build.mjs');
  const { code, modules } = await buildProgram(ENTRY);
  const source = `(function (exports, require, module) {${code}\n})`;
  const identity = `${process.pid} ${begin} ${performance.now()}`;
  const stamps = [...modules, fileURLToPath(new URL('build.mjs', import.meta.url)), fileURLToPath(import.meta.url)].map(stampOf);
  if (stamps.every(([, , time]) => time < begin - TIME_STEP)) writeCacheFile(path, { identity, stamps }, Buffer.from(source, 'latin1'));
  return { source, identity };
}

/** @param {string | undefined} path */
function cachedSource(path) {
  const file = readCacheFile(path);
  if (file === undefined || !unchanged(file.facts.stamps)) return undefined;
  return { source: file.contents.toString('latin1'), identity: file.facts.identity };
}

/**
 * @param {string | undefined} sourcePath
 * @param {string | undefined} codePath
 */
async function loadModules(sourcePath, codePath) {
  let found;
  try {
    found = cachedSource(sourcePath) ?? (await buildSource(sourcePath));
  } catch {
    // No bundler for this machine: Node strips the types itself, module by module.
    return { exports: await import(pathToFileURL(ENTRY).href), saveCode: () => {} };
  }
  const { source, identity } = found;
  const cached = readCacheFile(codePath);
  const usable = cached?.facts.identity === identity;
  // V8 takes only code that was made under the same flags.
  if (usable) for (const flag of cached.facts.flags) setFlagsFromString(flag);
  const filename = sourcePath ?? 'skas.js';
  const script = new Script(source, { filename, ...(usable ? { cachedData: cached.contents } : {}) });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(ENTRY), module);
  const code = usable && script.cachedDataRejected === false ? cached.contents : undefined;
  module.exports.provideWorkerProgram({ source, filename, code, requireFrom: ENTRY });
  const saveCode = () => {
    const seconds = process.cpuUsage().user / 1e6;
    if (code !== undefined && seconds < cached.facts.seconds * LONGER) return;
    writeCacheFile(codePath, { identity, flags: module.exports.ENGINE_FLAGS, seconds }, script.createCachedData());
  };
  return { exports: module.exports, saveCode };
}

/**
 * @returns {Promise<{ program: Program, finish: () => void }>} the program; `finish`, called at its end, saves what makes the next start faster
 */
export async function loadProgram() {
  const folder = cacheFolder();
  const name = crc32(`${process.version} ${process.arch} ${ENTRY}`).toString(16).padStart(8, '0');
  const at = (ending) => folder && join(folder, `program-${name}.${ending}`);
  const { exports: program, saveCode } = await loadModules(at('js'), at('code'));
  program.setEngineFlags();
  const engine = new program.CompiledModules(readCacheFile(at('engine'))?.contents);
  program.useCompiledModules(engine);
  const finish = () => {
    const image = engine.image();
    if (image !== undefined) writeCacheFile(at('engine'), {}, image);
    saveCode();
  };
  return { program, finish };
}
