/** A profile to write, as users ask for it: `FORMAT=FILE`. */
import { PROFILE_FORMAT_NAMES, type ProfileFormat } from '../emulator/profile/formats/names.ts';
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
