/** A profile to write, as users ask for it: `FORMAT=FILE`. */
import { PROFILE_FORMAT_NAMES, type ProfileFormat } from '../emulator/profile/formats/names.ts';
import type { ProfileFilter } from '../emulator/profile/filter.ts';
import { Refusal } from './target.ts';

export interface ProfileRequest {
  readonly format: ProfileFormat;
  readonly path: string;
}

/** @throws Refusal */
export function parseProfileRequest(text: string): ProfileRequest {
  const at = text.indexOf('=');
  const format = PROFILE_FORMAT_NAMES.find((name) => name === text.slice(0, Math.max(at, 0)));
  if (format === undefined || at === text.length - 1) throw new Refusal(`profile ${text}: FORMAT=FILE expected, where FORMAT is one of ${PROFILE_FORMAT_NAMES.join(', ')}`);
  return { format, path: text.slice(at + 1) };
}

/** `functions=REGEX`, `files=REGEX` or `tasks=REGEX`. */
export const isFilterWord = (word: string): boolean => /^(functions|files|tasks)=/.test(word);

/** @throws Refusal when one is no regular expression */
export function parseProfileFilter(words: readonly string[]): ProfileFilter {
  const filter: { functions?: RegExp; files?: RegExp; tasks?: RegExp } = {};
  for (const word of words) {
    const at = word.indexOf('=');
    const kind = word.slice(0, at);
    if (kind === 'functions' || kind === 'files' || kind === 'tasks') filter[kind] = regularExpression(word.slice(at + 1), word);
  }
  return filter;
}

function regularExpression(text: string, word: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new Refusal(`profile ${word}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
