/**
 * Edges: every way control has gone, and how often; what KCOV's traces come to when they are counted. A line each, its fields separated by tabs: address of the
 * transfer and where it leads (hexadecimal, of the file's own; `0` and no name: code of no file), executions, kind, functions, files. Beside what was taken (`branch`, `jump`, `call`, `return`)
 * conditional jumps have an edge to what follows them (`next`).
 */
import type { CountedEdge, EdgeEnd, Profile } from '../profile.ts';

const HEADER = '# skas edges, version 1\n# from\tto\tcount\tkind\tfunction\tto function\tfile\tto file\n';

export function edgeTable(profile: Profile): string {
  const edges = [...profile.edges()].sort((a, b) => compareEnds(a.from, b.from) || compareEnds(a.to, b.to));
  return HEADER + edges.map(line).join('');
}

function line({ from, to, count, kind }: CountedEdge): string {
  const place = ({ image, own }: EdgeEnd): readonly [name: string, path: string] => [image?.functionAt(own)?.name ?? '', image?.path ?? ''];
  const [[name, path], [toName, toPath]] = [place(from), place(to)];
  return `${from.own.toString(16)}\t${to.own.toString(16)}\t${count}\t${kind}\t${name}\t${toName}\t${path}\t${toPath}\n`;
}

function compareEnds(a: EdgeEnd, b: EdgeEnd): number {
  const [left, right] = [a.image?.path ?? '', b.image?.path ?? ''];
  return left === right ? a.own - b.own : left < right ? -1 : 1;
}
