/** The emitted functions that keep call trees: see call-tree-layout.ts. */
import { BUDGET, COUNTING_CLOCK, COUNTING_STACK, GPR, Reg } from '../state.ts';
import type { FunctionBody, FunctionBuilder, I32, I64, Local } from '../wasm/function-builder.ts';
import {
  FRAME_BYTES, FRAME_LIMIT, FRAME_LOWEST, FRAME_NODE, NODE_BYTES, NODE_CALLS, NODE_PARENT, NODE_SELF, NODE_SITE, NODE_TARGET, STACK_CLOCK, STACK_FRAMES, STACK_NODE, TREE_BUCKET_COUNT,
  TREE_BUCKETS, TREE_FREE, TREE_FULL, TREE_STATE, TreeEvent,
} from './call-tree-layout.ts';

/** `(event i32, address behind the transfer i64, target i64)`; registers and BUDGET must be in memory. */
export const TREE_TRANSFER_PARAMS = ['i32', 'i64', 'i64'] as const;
/** `(address interrupted i64, handler i64, lowest i64, highest i64)`: a handler begins, which runs while rsp is in this range. */
export const TREE_ENTER_PARAMS = ['i64', 'i64', 'i64', 'i64'] as const;

/** Locals of one of the functions. */
interface Walk {
  readonly stack: Local<'i32'>;
  readonly top: Local<'i32'>;
  readonly node: Local<'i32'>;
}

const zero = (f: FunctionBuilder): I32 => f.i32.const(0);

/** Loads where the running context stands; returns from the function if it has no tree. Charges the running node up to now. */
function begin(f: FunctionBuilder): Walk {
  const { load, store } = f.counts;
  const stack = f.local('i32');
  const top = f.local('i32');
  const node = f.local('i32');
  const now = f.local('i64');
  f.if(f.i32.eqz(f.tee(stack, f.load.i32Load(zero(f), COUNTING_STACK))), () => f.return());
  f.set(top, load.i32Load(f.get(stack)));
  f.set(node, load.i32Load(f.get(stack), STACK_NODE));
  f.set(now, f.i64.sub(f.load.i64Load(zero(f), COUNTING_CLOCK), f.load.i64Load32U(zero(f), BUDGET)));
  const spent = (): I64 => f.i64.sub(f.get(now), load.i64Load(f.get(stack), STACK_CLOCK));
  const sum = f.keep(f.i64.add(load.i64Load(f.get(node), NODE_SELF), spent()));
  store.i64Store(f.get(node), f.get(sum), NODE_SELF);
  store.i64Store(f.get(stack), f.get(now), STACK_CLOCK);
  return { stack, top, node };
}

/** Takes away the frames of calls that cannot be running with this stack pointer. */
function unwind(f: FunctionBuilder, { stack, top, node }: Walk, pointer: () => I64): void {
  const { load } = f.counts;
  f.block((done) => {
    f.loop((again) => {
      f.brIf(done, f.i32.leU(f.get(top), f.i32.add(f.get(stack), f.i32.const(STACK_FRAMES))));
      const frame = f.keep(f.i32.sub(f.get(top), f.i32.const(FRAME_BYTES)));
      f.brIf(
        done,
        f.i32.and(f.i64.leU(pointer(), load.i64Load(f.get(frame))), f.i64.geU(pointer(), load.i64Load(f.get(frame), FRAME_LOWEST))),
      );
      f.set(top, f.get(frame));
      f.set(node, load.i32Load(f.get(frame), FRAME_NODE));
      f.release(frame);
      f.br(again);
    });
  });
}

/** Makes the child for (site, target) the running node; the node stays when there is no room for another. */
function descend(f: FunctionBuilder, { node }: Walk, site: Local<'i64'>, target: Local<'i64'>): void {
  const { load, store } = f.counts;
  const child = f.local('i32');
  const bucket = f.local('i32');
  const mixed = f.i64.xor(f.i64.mul(f.get(target), f.i64.const(0x9e3779b97f4a7c15n)), f.i64.mul(f.get(site), f.i64.const(0xc2b2ae3d27d4eb4fn)));
  const hash = f.convert.i32WrapI64(f.i64.shrU(f.i64.mul(f.i64.add(mixed, f.convert.i64ExtendI32U(f.get(node))), f.i64.const(0xff51afd7ed558ccdn)), f.i64.const(40)));
  f.set(bucket, f.i32.add(f.i32.shl(f.i32.and(hash, f.i32.const(TREE_BUCKET_COUNT - 1)), f.i32.const(2)), f.i32.const(TREE_BUCKETS)));
  f.set(child, load.i32Load(f.get(bucket)));
  f.block((found) => {
    f.block((none) => {
      f.loop((again) => {
        f.brIf(none, f.i32.eqz(f.get(child)));
        const same = f.i32.and(f.i64.eq(load.i64Load(f.get(child), NODE_SITE), f.get(site)), f.i64.eq(load.i64Load(f.get(child), NODE_TARGET), f.get(target)));
        f.brIf(found, f.i32.and(same, f.i32.eq(load.i32Load(f.get(child), NODE_PARENT), f.get(node))));
        f.set(child, load.i32Load(f.get(child)));
        f.br(again);
      });
    });
    f.set(child, load.i32Load(f.i32.const(TREE_FREE)));
    f.if(f.i32.gtU(f.get(child), f.i32.const(TREE_STATE - NODE_BYTES)), () => {
      store.i32Store(f.i32.const(TREE_FULL), f.i32.const(1));
      f.set(child, f.get(node));
      f.br(found);
    });
    store.i32Store(f.i32.const(TREE_FREE), f.i32.add(f.get(child), f.i32.const(NODE_BYTES)));
    store.i32Store(f.get(child), load.i32Load(f.get(bucket)));
    store.i32Store(f.get(child), f.get(node), NODE_PARENT);
    store.i64Store(f.get(child), f.get(site), NODE_SITE);
    store.i64Store(f.get(child), f.get(target), NODE_TARGET);
    store.i32Store(f.get(bucket), f.get(child));
  });
  f.set(node, f.get(child));
  const calls = f.keep(f.i64.add(load.i64Load(f.get(node), NODE_CALLS), f.i64.const(1)));
  store.i64Store(f.get(node), f.get(calls), NODE_CALLS);
  f.release(calls);
}

function push(f: FunctionBuilder, { top, node }: Walk, highest: () => I64, lowest: () => I64): void {
  const { store } = f.counts;
  store.i64Store(f.get(top), highest());
  store.i64Store(f.get(top), lowest(), FRAME_LOWEST);
  store.i32Store(f.get(top), f.get(node), FRAME_NODE);
  f.set(top, f.i32.add(f.get(top), f.i32.const(FRAME_BYTES)));
}

function end(f: FunctionBuilder, { stack, top, node }: Walk): FunctionBody {
  const { store } = f.counts;
  store.i32Store(f.get(stack), f.get(top));
  store.i32Store(f.get(stack), f.get(node), STACK_NODE);
  return f.end();
}

const full = (f: FunctionBuilder, { stack, top }: Walk): I32 => f.i32.geU(f.get(top), f.i32.add(f.get(stack), f.i32.const(STACK_FRAMES + FRAME_LIMIT * FRAME_BYTES)));
const stackPointer = (f: FunctionBuilder): I64 => f.load.i64Load(zero(f), GPR + Reg.rsp * 8);

/** A call, a return, or a jump to another function. */
export function treeTransfer(f: FunctionBuilder): FunctionBody {
  f.begin(TREE_TRANSFER_PARAMS, []);
  const event = f.param(0, 'i32');
  const site = f.param(1, 'i64');
  const target = f.param(2, 'i64');
  const walk = begin(f);
  const is = (wanted: number): I32 => f.i32.eq(f.get(event), f.i32.const(wanted));
  // A call's frame lives while rsp is at or below its return address, one that is being made needs those above it.
  unwind(f, walk, () => f.i64.add(stackPointer(f), f.convert.i64ExtendI32U(is(TreeEvent.call))));
  f.if(f.i32.ne(f.get(event), f.i32.const(TreeEvent.return)), () => {
    f.if(f.i32.eqz(full(f, walk)), () => {
      f.if(is(TreeEvent.call), () => push(f, walk, () => stackPointer(f), () => f.i64.const(0)));
      descend(f, walk, site, target);
    });
  });
  return end(f, walk);
}

/** A signal handler begins. */
export function treeEnter(f: FunctionBuilder): FunctionBody {
  f.begin(TREE_ENTER_PARAMS, []);
  const site = f.param(0, 'i64');
  const handler = f.param(1, 'i64');
  const lowest = f.param(2, 'i64');
  const highest = f.param(3, 'i64');
  const walk = begin(f);
  f.if(f.i32.eqz(full(f, walk)), () => {
    push(f, walk, () => f.get(highest), () => f.get(lowest));
    descend(f, walk, site, handler);
  });
  return end(f, walk);
}

/** Execution goes on with another stack pointer than before: a handler may be over. */
export function treeSettle(f: FunctionBuilder): FunctionBody {
  f.begin([], []);
  const walk = begin(f);
  unwind(f, walk, () => stackPointer(f));
  return end(f, walk);
}
