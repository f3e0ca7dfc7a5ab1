/** Layers: imports go downwards only (extension → dap → stub → emulator), and only the extension knows VS Code. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
/** What each layer may import besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  emulator: [],
  stub: ['emulator'],
  dap: ['stub', 'emulator'],
  extension: ['dap', 'stub', 'emulator'],
};

const sources = Object.keys(ALLOWED).flatMap((layer) =>
  readdirSync(join(ROOT, layer), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(ROOT, layer, name)),
);
const layerOf = (path: string): string => relative(ROOT, path).split(sep)[0];

function imports(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].map((match) => match[1]);
}

describe('layers', () => {
  it('sees the modules and their imports', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.flatMap(imports).length).toBeGreaterThan(200);
  });

  it('go downwards only', () => {
    const wrong = sources.flatMap((path) =>
      imports(path)
        .filter((target) => target.startsWith('.'))
        .map((target) => resolve(dirname(path), target))
        .filter((target) => layerOf(target) !== layerOf(path) && !ALLOWED[layerOf(path)].includes(layerOf(target)))
        .map((target) => `${relative(ROOT, path)} → ${relative(ROOT, target)}`),
    );
    expect(wrong).toEqual([]);
  });

  it('keep VS Code in the extension', () => {
    expect(sources.filter((path) => layerOf(path) !== 'extension' && imports(path).includes('vscode')).map((path) => relative(ROOT, path))).toEqual([]);
  });
});
