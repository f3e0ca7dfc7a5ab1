/** The formats a profile can be written in. */
import type { CodeImage } from '../code-image.ts';
import type { Profile } from '../profile.ts';
import { callgrindOut } from './callgrind.ts';
import { collapsedStacks } from './collapsed.ts';
import { cpuProfile } from './cpuprofile.ts';
import { edgeTable } from './edges.ts';
import { gcovJson } from './gcov-json.ts';
import { gmonOut } from './gmon.ts';
import { lcovInfo } from './lcov.ts';
import type { ProfileFormat } from './names.ts';
import { pprofProfile } from './pprof.ts';
import { speedscopeJson } from './speedscope.ts';

export interface FormatRow {
  /** Needs call trees. */
  readonly trees: boolean;
  /** Tells who ran what: names of a kernel's tasks. */
  readonly tasks?: boolean;
  /** @param image the debuggee's program; @param command what was run */
  readonly write: (profile: Profile, image: CodeImage, command: string) => string | Uint8Array;
}

export const PROFILE_FORMATS = {
  gmon: { trees: false, write: gmonOut },
  lcov: { trees: false, write: lcovInfo },
  gcov: { trees: false, write: gcovJson },
  callgrind: { trees: true, write: (profile, _image, command) => callgrindOut(profile, command) },
  pprof: { trees: true, tasks: true, write: (profile) => pprofProfile(profile) },
  cpuprofile: { trees: true, tasks: true, write: (profile) => cpuProfile(profile) },
  speedscope: { trees: true, tasks: true, write: (profile, _image, command) => speedscopeJson(profile, command) },
  edges: { trees: false, write: (profile) => edgeTable(profile) },
  collapsed: { trees: true, tasks: true, write: (profile) => collapsedStacks(profile) },
} as const satisfies Record<ProfileFormat, FormatRow>;
