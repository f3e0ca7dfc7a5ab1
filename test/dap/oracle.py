# Run inside gdb: stops at each address of a file, writes what gdb says of every frame as JSON lines. $oracle_port, $oracle_stops, $oracle_out are set.
import gdb, json
port = int(gdb.parse_and_eval("$oracle_port"))
stops = gdb.parse_and_eval("$oracle_stops").string()
out = open(gdb.parse_and_eval("$oracle_out").string(), "w")
for setting in ["pagination off", "confirm off", "width 0", "style enabled off", "debuginfod enabled off", "print frame-arguments none", "remotetimeout 60"]:
    gdb.execute("set " + setting)
gdb.execute("target remote 127.0.0.1:%d" % port, to_string=True)
DEEPEST = 2
def canon(value, depth=0):
    try:
        if value.is_optimized_out:
            return "optimised out"
        kind = value.type.strip_typedefs().code
        if kind in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_PTR):
            return str(int(value))
        if kind in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            if depth >= DEEPEST:
                return "struct"
            return {field.name: canon(value[field], depth + 1) for field in value.type.strip_typedefs().fields() if field.name and not field.is_base_class}
        if kind == gdb.TYPE_CODE_ARRAY:
            return "array"
        return "other"
    except gdb.MemoryError:
        return "no access"
    except gdb.error as error:
        text = str(error)
        return "optimised out" if "optimized out" in text else "not saved" if "not saved" in text else "error: " + text
def block_symbols(frame):
    found = []
    try:
        block = frame.block()
    except RuntimeError:
        return found
    while block is not None and not block.is_global and not block.is_static:
        # Labels are symbols without a type; a constant is no variable to gdb's Python, but one to `info locals`.
        found.append([symbol for symbol in block if symbol.type is not None and str(symbol.type) != '__CORE_ADDR' and (symbol.is_variable or symbol.is_argument or symbol.addr_class == gdb.SYMBOL_LOC_CONST)])
        if block.function is not None:
            break
        block = block.superblock
    return found
def describe(frame):
    sal = frame.find_sal()
    variables = {}
    for symbols in block_symbols(frame):
        for symbol in symbols:
            if symbol.name in variables:
                continue
            try:
                value = symbol.value(frame)
                variables[symbol.name] = [str(symbol.type), canon(value)]
            except gdb.error as error:
                text = str(error)
                variables[symbol.name] = [str(symbol.type), "optimised out" if "optimized out" in text else "no access" if "Cannot access" in text else "error: " + text]
    kinds = {gdb.NORMAL_FRAME: "normal", gdb.INLINE_FRAME: "inline", gdb.TAILCALL_FRAME: "tail", gdb.SIGTRAMP_FRAME: "signal"}
    return {"name": frame.name(), "kind": kinds.get(frame.type(), "other"), "pc": frame.pc(), "line": sal.line, "file": sal.symtab.fullname() if sal.symtab else None, "variables": variables}
for line in open(stops):
    address = int(line, 16)
    gdb.execute("tbreak *%d" % address, to_string=True)
    gdb.execute("continue", to_string=True)
    gdb.execute("maintenance flush register-cache", to_string=True)
    frame = gdb.newest_frame()
    frames = []
    while frame is not None and len(frames) < 12:
        frames.append(describe(frame))
        try:
            frame = frame.older()
        except gdb.error:
            break
    out.write(json.dumps({"stop": address, "pc": gdb.newest_frame().pc(), "frames": frames}) + "\n")
out.close()
gdb.execute("kill", to_string=True)
