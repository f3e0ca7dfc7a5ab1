/** The extension's package.json says what is there: attributes, commands, files; and few enough attributes to remember. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ATTRIBUTES, attributesTable } from '../dap/session/launch-attributes.ts';
import { manifest } from './manifest.ts';

const text = JSON.stringify(manifest('1.2.3'));
const read = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

it('has fewer than twenty attributes, all of them in the schema and in the manual', () => {
  expect(ATTRIBUTES.length).toBeLessThan(20);
  for (const { name } of ATTRIBUTES) expect(text).toContain(`"${name}":{`);
  expect(read('../README.md')).toContain(attributesTable());
});

it('names only commands that are registered, and files that exist', () => {
  const sources = read('views/kernel-views.ts') + read('profiles.ts');
  const commands = [...new Set([...text.matchAll(/"command":"(skas\.\w+)"/g)].map(([, command]) => command))];
  expect(commands.length).toBeGreaterThan(4);
  for (const command of commands) expect(sources).toContain(`registerCommand('${command}'`);
  const pages = [...text.matchAll(/"markdown":"([^"]+)"/g)].map(([, page]) => page);
  expect(pages).toHaveLength(4);
  for (const page of pages) expect(existsSync(join(import.meta.dirname, page))).toBe(true);
});
