/** Names of the formats a profile can be written in, as users give them. */
export const PROFILE_FORMAT_NAMES = ['gmon', 'lcov', 'gcov', 'callgrind', 'pprof', 'cpuprofile', 'speedscope', 'collapsed', 'edges'] as const;

export type ProfileFormat = (typeof PROFILE_FORMAT_NAMES)[number];
