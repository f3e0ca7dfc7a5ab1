/**
 * The interpreter itself: one wasm function that finds blocks in the jump cache, calls regions, and runs records
 * with a `br_table` over the hot handlers; the others are called through the table.
 *
 * `run(start) → why`: `start` is a block to begin with (its region is not entered), or 0 for whatever RIP says.
 */
import { TreeEvent } from '../counting/call-tree-layout.ts';
import { countIndirect, countRecord } from '../counting/counting-code.ts';
import { TransferCode, type CountingMode } from '../counting/transfer.ts';
import {
  ARENA, BLOCK_COUNT, BLOCK_HEADER, BLOCK_REGION, BLOCK_RUNS, BLOCK_UNCHAINED, JUMP_CACHE, JUMP_CACHE_ENTRIES, LEFT_AT, LEFT_IN, RECORD, RECORD_CHAIN,
  RECORD_DISPLACEMENT, RECORD_HANDLER, RECORD_IMMEDIATE, RECORD_TRANSFER,
} from '../engine-area.ts';
import { COMPUTE_FLAGS, COUNT_INDIRECT, COUNT_SINGLE, ModuleImports, SLOW_PATH, TREE_TRANSFER } from '../module-imports.ts';
import type { Helper } from '../semantics/emitter.ts';
import { BUDGET, CODE_CONTEXT, JUMP_SALT, PAGE_BASE, PAGE_SIZE, RIP, TLB_BASE } from '../state.ts';
import { CALL_DEPTH, INTERPRET, REGION_PARAMS, REGION_RESULTS } from '../translator/region-abi.ts';
import { compileModule } from '../wasm/compiled-modules.ts';
import { FunctionBuilder, type I32, type I64, type Label } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { HANDLER_PARAMS, HANDLER_RESULTS, handlerKey, handlerPair, HandlerStatus, INLINE_HANDLERS, noteTransfers } from './handlers.ts';
import { InterpreterEmitter, type HandlerFrame } from './interpreter-emitter.ts';

/** Why the interpreter function came back. RIP is in memory except where an instruction was left in the middle of a block. */
export const Left = {
  /** No block for RIP in the jump cache. */
  lookup: 0,
  /** The block at RIP has more instructions than BUDGET. */
  short: 1,
  /** The block at RIP has been run `threshold` times; it has not been run again yet. */
  hot: 2,
  /** A region or what it called left: EXIT_REASON says why; RIP and BUDGET are right. */
  region: 3,
  /** The instruction at LEFT_AT (in the block LEFT_IN) left: EXIT_REASON says why. It has not retired; RIP and BUDGET are to be put right. */
  fault: 4,
  /** Likewise, and it has retired. */
  retired: 5,
} as const;

export interface InterpreterModule {
  readonly module: WebAssembly.Module;
  readonly helpers: readonly Helper[];
  /** Size of the function's body in bytes. */
  readonly size: number;
}

const made = new Map<string, InterpreterModule>();

/**
 * @param threshold runs after which a block is hot; 0 for never.
 * @param counting whether it counts control transfers (counting/)
 */
export function interpreterModule(threshold: number, counting: CountingMode): InterpreterModule {
  const key = `${threshold} ${counting}`;
  let known = made.get(key);
  if (known === undefined) {
    known = emit(threshold, counting);
    made.set(key, known);
  }
  return known;
}

function emit(threshold: number, counting: CountingMode): InterpreterModule {
  const builder = new ModuleBuilder();
  const imports = new ModuleImports(builder, 1, counting !== undefined);
  imports.engine(SLOW_PATH);
  imports.engine(COMPUTE_FLAGS);
  if (counting !== undefined) {
    imports.engine(COUNT_INDIRECT);
    imports.procedure(COUNT_SINGLE);
    if (counting === 'trees') imports.procedure(TREE_TRANSFER);
  }
  const handlerType = builder.type(HANDLER_PARAMS, HANDLER_RESULTS);
  const regionType = builder.type(REGION_PARAMS, REGION_RESULTS);
  const f = new FunctionBuilder();
  const emitter = new InterpreterEmitter(f, imports);
  f.begin(['i32'], ['i32']);
  const start = f.param(0, 'i32');
  const rip = f.local('i64');
  const tlb = f.local('i32');
  const ip = f.local('i32');
  const block = f.local('i32');
  const entry = f.local('i32');
  /** Record of the direct branch that was taken, or 0. */
  const link = f.local('i32');
  const region = f.local('i32');
  const status = f.local('i32');
  const zero = (): ReturnType<typeof f.i32.const> => f.i32.const(0);
  const storeRip = (): void => f.store.i64Store(zero(), f.get(rip), RIP);
  const loadRip = (): void => f.set(rip, f.load.i64Load(zero(), RIP));
  const leave = (why: number): void => {
    storeRip();
    f.return(f.i32.const(why));
  };

  const probe = (found: Label): void => {
    const low = f.keep(f.convert.i32WrapI64(f.get(rip)));
    const hash = f.i32.and(f.i32.xor(f.get(low), f.i32.shrU(f.get(low), f.i32.const(15))), f.i32.const(JUMP_CACHE_ENTRIES - 1));
    f.set(entry, f.i32.xor(f.i32.shl(hash, f.i32.const(4)), f.load.i32Load(zero(), JUMP_SALT)));
    f.release(low);
    const other = f.i64.ne(f.load.i64Load(f.get(entry), JUMP_CACHE), f.get(rip));
    const elsewhere = f.i32.ne(f.load.i32Load(f.get(entry), JUMP_CACHE + 8), f.load.i32Load(zero(), CODE_CONTEXT));
    const empty = f.i32.eqz(f.tee(block, f.load.i32Load(f.get(entry), JUMP_CACHE + 12)));
    f.if(f.i32.or(f.i32.or(other, elsewhere), empty), () => leave(Left.lookup), undefined, false);
    f.br(found);
  };

  /** Counts what led to `rip`: the record at `ip`, unless that is 0. */
  const countTransfer = (): void => {
    const half = (shift: number): ReturnType<typeof f.convert.i32WrapI64> => f.convert.i32WrapI64(f.i64.shrU(f.get(rip), f.i64.const(shift)));
    const inArena = (): void => {
      f.if(f.get(link), () => countRecord(f, () => f.get(ip)), () => f.set(status, countIndirect(f, imports, f.get(ip), f.get(rip))));
      if (counting === 'trees') tree();
    };
    const code = (): I32 => f.load.i32Load8U(f.get(ip), RECORD_TRANSFER);
    const is = (wanted: number): I32 => f.i32.eq(f.i32.and(code(), f.i32.const(TransferCode.kind)), f.i32.const(wanted));
    const next = (field: number) => (): I64 => f.i64.add(f.load.i64Load(zero(), PAGE_BASE), f.load.i64Load32S(f.get(ip), field));
    const report = (event: number): void => {
      const direct = f.i32.and(code(), f.i32.const(TransferCode.direct));
      const behind = f.keep(f.ifValue('i64', direct, next(RECORD_DISPLACEMENT), next(RECORD_IMMEDIATE)));
      f.call(imports.procedure(TREE_TRANSFER), [f.i32.const(event), f.get(behind), f.get(rip)]);
      f.release(behind);
    };
    const tree = (): void => {
      f.if(is(TransferCode.call), () => report(TreeEvent.call));
      f.if(is(TransferCode.return), () => report(TreeEvent.return));
      f.if(is(TransferCode.tail), () => report(TreeEvent.tail));
      // Whether an indirect jump is one depends on where it led.
      f.if(f.i32.and(f.i32.eq(code(), f.i32.const(TransferCode.jump)), f.i32.and(f.i32.eqz(f.get(link)), f.get(status))), () => report(TreeEvent.tail));
    };
    const single = (): void => f.call(imports.procedure(COUNT_SINGLE), [f.get(ip), half(0), half(32)]);
    f.if(f.get(ip), () => f.if(f.i32.geU(f.get(ip), f.i32.const(ARENA)), inArena, single, true));
  };

  const enterRegion = (dispatch: Label): void => {
    storeRip();
    if (counting !== undefined) f.set(ip, zero());
    f.set(status, f.callIndirect(regionType, [f.i32.const(CALL_DEPTH)], f.get(region), 'i32'));
    loadRip();
    f.brIf(dispatch, f.i32.eqz(f.get(status)));
    f.if(f.i32.ne(f.get(status), f.i32.const(INTERPRET)), () => f.return(f.i32.const(Left.region)));
    // Whatever is at RIP now, its first block runs here; without one, JavaScript starts it.
    probeForInterpret();
  };
  const probeForInterpret = (): void => {
    f.block((found) => probe(found));
    f.set(start, f.get(block));
  };

  const enterBlock = (dispatch: Label): void => {
    if (counting !== undefined) countTransfer();
    f.block((entered) => {
      f.block((unchained) => {
        f.brIf(unchained, f.i32.eqz(f.get(link)));
        f.brIf(unchained, f.i32.eqz(f.tee(block, f.load.i32Load(f.get(link), RECORD_CHAIN))), false);
        f.brIf(entered, f.i32.eqz(f.load.i32Load16U(f.get(block), BLOCK_UNCHAINED)), true);
      });
      f.block((found) => {
        f.block((lookup) => {
          f.brIf(lookup, f.i32.eqz(f.get(start)), true);
          f.set(block, f.get(start));
          f.br(found);
        });
        probe(found);
      });
      // Chains stay in a page: there the frame is the same in every space that runs this code.
      f.brIf(entered, f.i32.eqz(f.get(link)));
      f.brIf(entered, f.load.i32Load16U(f.get(block), BLOCK_UNCHAINED));
      f.brIf(entered, f.i64.ne(f.i64.and(f.get(rip), f.i64.const(-PAGE_SIZE)), f.load.i64Load(zero(), PAGE_BASE)));
      f.store.i32Store(f.get(link), f.get(block), RECORD_CHAIN);
    });
    f.set(link, zero());
    const short = f.i32.ltS(f.load.i32Load(zero(), BUDGET), f.load.i32Load(f.get(block), BLOCK_COUNT));
    f.if(short, () => leave(Left.short), undefined, false);
    f.if(
      f.i32.eqz(f.get(start)),
      () => {
        f.set(region, f.load.i32Load(f.get(block), BLOCK_REGION));
        f.if(f.get(region), () => {
          enterRegion(dispatch);
          f.br(dispatch);
        });
        f.set(status, f.i32.add(f.load.i32Load(f.get(block), BLOCK_RUNS), f.i32.const(1)));
        f.store.i32Store(f.get(block), f.get(status), BLOCK_RUNS);
        if (threshold > 0) f.if(f.i32.eq(f.get(status), f.i32.const(threshold)), () => leave(Left.hot), undefined, false);
      },
      () => f.set(start, zero()),
      true,
    );
    f.store.i32Store(zero(), f.i32.sub(f.load.i32Load(zero(), BUDGET), f.load.i32Load(f.get(block), BLOCK_COUNT)), BUDGET);
    f.store.i64Store(zero(), f.i64.and(f.get(rip), f.i64.const(-PAGE_SIZE)), PAGE_BASE);
    f.set(ip, f.i32.add(f.get(block), f.i32.const(BLOCK_HEADER)));
  };

  const noteWhere = (): void => {
    f.store.i32Store(zero(), f.get(ip), LEFT_AT);
    f.store.i32Store(zero(), f.get(block), LEFT_IN);
  };

  const callHandler = (dispatch: Label, next: Label): void => {
    f.set(status, f.callIndirect(handlerType, [f.get(ip), f.get(tlb)], f.load.i32Load16U(f.get(ip), RECORD_HANDLER), 'i32'));
    f.set(ip, f.i32.add(f.get(ip), f.i32.const(RECORD)));
    f.brIf(next, f.i32.eqz(f.get(status)), true);
    f.if(f.i32.eq(f.get(status), f.i32.const(HandlerStatus.transfer)), () => {
      if (counting !== undefined) f.set(ip, f.i32.sub(f.get(ip), f.i32.const(RECORD)));
      loadRip();
      f.br(dispatch);
    });
    f.set(ip, f.i32.sub(f.get(ip), f.i32.const(RECORD)));
    noteWhere();
    f.return(f.select(f.i32.const(Left.retired), f.i32.const(Left.fault), f.i32.eq(f.get(status), f.i32.const(HandlerStatus.retired))));
  };

  f.set(tlb, f.load.i32Load(zero(), TLB_BASE));
  loadRip();
  f.loop((dispatch) => {
    enterBlock(dispatch);
    f.loop((next) => {
      const leaving = f.open('block');
      const cold = f.open('block');
      // br_table's targets: one block per inline handler, the innermost first.
      const labels: Label[] = [];
      for (let n = 0; n < INLINE_HANDLERS; n++) labels.unshift(f.open('block'));
      f.brTable(labels, cold, f.load.i32Load16U(f.get(ip), RECORD_HANDLER));
      for (let n = 0; n < INLINE_HANDLERS; n++) {
        f.close();
        if (n === 0) {
          const sum = f.i64.add(f.load.i64Load(zero(), PAGE_BASE), f.load.i64Load32S(f.get(ip), RECORD_IMMEDIATE));
          f.set(rip, sum);
          f.set(link, f.get(ip));
          // Going straight on is no transfer.
          if (counting !== undefined) f.set(ip, zero());
          f.br(dispatch);
          continue;
        }
        const frame: HandlerFrame = {
          ip,
          tlb,
          transfer: (target, direct) => {
            f.set(rip, target);
            if (direct) f.set(link, f.get(ip));
            f.br(dispatch);
          },
          leave: (retired) => {
            f.set(status, f.i32.const(retired ? Left.retired : Left.fault));
            f.br(leaving);
          },
        };
        const pair = handlerPair(n);
        if (pair === undefined) emitter.emitHandler(handlerKey(n), frame);
        else emitter.emitPair(handlerKey(pair.first), handlerKey(pair.second), frame);
        if (emitter.transfers) noteTransfers(n);
        f.set(ip, f.i32.add(f.get(ip), f.i32.const(RECORD)));
        f.br(next);
      }
      f.close();
      callHandler(dispatch, next);
      f.close();
      noteWhere();
      f.return(f.get(status));
    });
    f.unreachable();
  });
  f.unreachable();
  const body = f.end();
  builder.add(body, 'run');
  return { module: compileModule(builder.finish()), helpers: imports.helpers, size: body.code.length };
}
