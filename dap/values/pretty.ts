/**
 * Kernel structures as their readers mean them: a task by name and pid, a dentry by its path, a list by its length. Each knows its
 * members by name, and gives way to the plain rendering where a kernel has others.
 */
import { Value, ValueError, isAggregate } from './value.ts';
import type { FormatOptions } from './format.ts';

type Printer = (value: Value, options: FormatOptions) => string | undefined;

/** Longest lists that are counted, and deepest paths followed. */
const MOST_ENTRIES = 100;
const DEEPEST_PATH = 64;

/** A member by its path such as `d_name.name`; undefined when the kernel has none of the name. */
export function field(value: Value, path: string): Value | undefined {
  const found = value.plain.path(path);
  return found === undefined ? undefined : value.member(found);
}

const number = (value: Value, path: string): bigint | undefined => field(value, path)?.integer();
const text = (value: Value | undefined): string | undefined => value?.text(256).text;

function task(value: Value): string | undefined {
  const name = text(field(value, 'comm'));
  const pid = number(value, 'pid');
  return name === undefined || pid === undefined ? undefined : `${name} [${pid}]`;
}

function list(value: Value): string | undefined {
  const { address } = value;
  let next = field(value, 'next');
  if (next === undefined || address === undefined) return undefined;
  if (next.integer() === 0n) return 'not initialised';
  for (let count = 0; next !== undefined; count++) {
    if (next.integer() === address) return entries(count);
    if (next.integer() === 0n) return 'broken';
    if (count >= MOST_ENTRIES) return `more than ${MOST_ENTRIES} entries`;
    next = field(next.dereference(), 'next');
  }
  return undefined;
}

const entries = (count: number): string => (count === 0 ? 'empty' : `${count} ${count === 1 ? 'entry' : 'entries'}`);

function hashList(value: Value): string | undefined {
  let node = field(value, 'first');
  for (let count = 0; node !== undefined; count++) {
    if (node.integer() === 0n) return entries(count);
    if (count >= MOST_ENTRIES) return `more than ${MOST_ENTRIES} entries`;
    node = field(node.dereference(), 'next');
  }
  return undefined;
}

/** Path of a dentry in its file system. */
export function dentryPath(value: Value): string | undefined {
  const names: string[] = [];
  let dentry = value;
  for (let depth = 0; depth < DEEPEST_PATH; depth++) {
    const name = text(field(dentry, 'd_name.name'));
    const parent = field(dentry, 'd_parent');
    if (name === undefined || parent === undefined) return undefined;
    if (parent.integer() === dentry.address || parent.integer() === 0n) return name === '/' ? `/${names.join('/')}` : [name, ...names].join('/');
    names.unshift(name);
    dentry = parent.dereference();
  }
  return `…/${names.join('/')}`;
}

function file(value: Value): string | undefined {
  const dentry = field(value, 'f_path.dentry');
  return dentry === undefined || dentry.integer() === 0n ? undefined : dentryPath(dentry.dereference());
}

/** Bits as ranges: `0-3,7`. */
function bitmap(value: Value): string | undefined {
  const words = field(value, 'bits');
  if (words === undefined) return undefined;
  const bytes = words.read();
  const ranges: string[] = [];
  let first = -1;
  for (let bit = 0; bit <= bytes.length * 8; bit++) {
    const set = bit < bytes.length * 8 && ((bytes[bit >> 3] >> (bit & 7)) & 1) === 1;
    if (set && first < 0) first = bit;
    if (!set && first >= 0) {
      ranges.push(first === bit - 1 ? `${first}` : `${first}-${bit - 1}`);
      first = -1;
    }
  }
  return ranges.length === 0 ? 'none' : ranges.join(',');
}

const counter = (path: string): Printer => (value) => {
  const found = number(value, path);
  return found === undefined ? undefined : `{${path.split('.')[0]} = ${found}}`;
};

function name(value: Value): string | undefined {
  const found = text(field(value, 'name'));
  return found === undefined ? undefined : JSON.stringify(found);
}

function module(value: Value): string | undefined {
  return text(field(value, 'name'));
}

function inode(value: Value): string | undefined {
  const found = number(value, 'i_ino');
  return found === undefined ? undefined : `inode ${found}`;
}

const printers: Readonly<Record<string, Printer>> = {
  task_struct: task, list_head: list, hlist_head: hashList, dentry: (value) => dentryPath(value), file, path: (value) => {
    const dentry = field(value, 'dentry');
    return dentry === undefined || dentry.integer() === 0n ? undefined : dentryPath(dentry.dereference());
  },
  cpumask: bitmap, qstr: name, module, inode, refcount_struct: counter('refs.counter'), kref: counter('refcount.refs.counter'),
};

/** The reader's rendering of a structure; undefined: there is none, or this one does not look as it should. @throws Miss */
export function prettyText(value: Value, options: FormatOptions): string | undefined {
  const { plain } = value;
  if (!isAggregate(plain) || plain.name === undefined) return undefined;
  const printer = Object.hasOwn(printers, plain.name) ? printers[plain.name] : undefined;
  if (printer === undefined) return undefined;
  try {
    return printer(value, options);
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}
