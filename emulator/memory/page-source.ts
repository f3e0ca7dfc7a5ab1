/** Where the pages of a mapping come from: a file's page cache. Anonymous memory has no source. */
export interface PageSource {
  /**
   * Linear address of the frame that holds page `index` (4 KiB units) of the object, reading it in if need be; 0 when the page
   * lies wholly beyond the end; -1 when no frame is free. The source keeps its own reference; a caller that maps the frame takes another.
   */
  frame(index: number): number;
  /** Called once per mapping that is made of it and once when that goes. */
  mapped(): void;
  unmapped(): void;
  /** MADV_REMOVE: makes `count` pages from `index` a hole; 0 or -errno. Absent: EOPNOTSUPP. The caller has removed all mappings of these pages before. */
  punch?(index: number, count: number): number;
  /** msync: what was stored through shared mappings goes to where the file really is; false when that failed. Absent: it is there already. */
  writeBack?(): boolean;
  /** What /proc/<pid>/maps prints: path, device and inode. */
  readonly mapName: string;
  readonly device: number;
  readonly inode: number;
}
