(module
(type (;0;) (func (param i32) (result i32)))
(type (;1;) (func (param i64) (result i32)))
(import "skas" "findRegion" (func (;0;) (type 1)))
(import "skas" "memory" (memory (;0;) 1))
(import "skas" "table" (table (;0;) 0 funcref))
(func (;1;) (type 0) (param i32) (result i32)
(local i64 i64 i64 i64 i64 i64 i32 i64 i64 i64 i32 i32 i64 i64 i64 i64 i64 i32 i32 i32 i32)
block  ;; label = @1
block  ;; label = @2
block  ;; label = @3
block  ;; label = @4
block  ;; label = @5
block  ;; label = @6
block  ;; label = @7
block  ;; label = @8
block  ;; label = @9
block  ;; label = @10
block  ;; label = @11
block  ;; label = @12
block  ;; label = @13
block  ;; label = @14
block  ;; label = @15
block  ;; label = @16
block  ;; label = @17
block  ;; label = @18
block  ;; label = @19
block  ;; label = @20
block  ;; label = @21
block  ;; label = @22
block  ;; label = @23
block  ;; label = @24
block  ;; label = @25
block  ;; label = @26
i32.const 0
i64.load offset=4096 align=1
local.set 8
i32.const 0
i64.load offset=4104 align=1
local.set 9
i32.const 0
i64.load offset=4128 align=1
local.set 10
i32.const 0
i64.load offset=4248 align=1
local.set 4
i32.const 0
i64.load offset=4264 align=1
local.set 5
i32.const 0
i64.load offset=4256 align=1
local.set 6
i32.const 0
i32.load offset=4272 align=1
local.set 7
i32.const 0
i32.load offset=4872 align=1
local.set 11
i32.const 0
i32.load offset=4868 align=1
local.set 12
loop  ;; label = @27
local.get 11
i32.const 4
i32.lt_s
if  ;; label = @28
i64.const 275146375168
local.set 13
br 24 (;@4;)
end
local.get 9
local.set 14
local.get 8
local.set 17
local.get 17
local.set 15
local.get 15
local.get 14
i64.add
local.set 16
local.get 16
local.set 8
local.get 16
local.set 1
local.get 15
local.set 2
local.get 14
local.set 3
local.get 3
local.set 5
local.get 1
local.set 4
i32.const 17
local.set 7
i32.const 1
local.set 18
local.get 9
i32.wrap_i64
local.set 21
local.get 21
local.set 19
local.get 19
local.get 18
i32.sub
local.set 20
local.get 20
i64.extend_i32_u
local.set 9
local.get 20
i64.extend_i32_u
local.set 1
local.get 19
i64.extend_i32_u
local.set 2
local.get 18
i64.extend_i32_u
local.set 3
local.get 3
local.set 5
local.get 1
local.set 4
i32.const 8210
local.set 7
local.get 1
i32.wrap_i64
i32.const 0
i32.ne
local.get 11
i32.const 3
i32.sub
local.set 11
if  ;; label = @28
br 1 (;@27;)
else
local.get 10
local.set 17
local.get 17
i32.wrap_i64
i32.const 8
i32.shr_u
i32.const 65520
i32.and
local.get 12
i32.add
local.set 21
local.get 17
local.get 21
i64.load align=1
i64.xor
i64.const 4088
i64.gt_u
if  ;; label = @29
i64.const 275146899456
local.set 13
br 25 (;@4;)
end
local.get 21
i32.load offset=8 align=1
local.get 17
i32.wrap_i64
i32.add
i64.load align=1
local.set 16
local.get 10
i64.const 8
i64.add
local.set 10
i32.const 0
local.get 8
i64.store offset=4096 align=1
i32.const 0
local.get 9
i64.store offset=4104 align=1
i32.const 0
local.get 10
i64.store offset=4128 align=1
i32.const 0
local.get 1
i32.wrap_i64
i64.extend_i32_s
i64.store offset=4248 align=1
i32.const 0
local.get 2
i32.wrap_i64
i64.extend_i32_s
i64.store offset=4256 align=1
i32.const 0
local.get 3
i32.wrap_i64
i64.extend_i32_s
i64.store offset=4264 align=1
i32.const 0
i32.const 2
i32.store offset=4272 align=1
i32.const 0
local.get 11
i32.const 1
i32.sub
i32.store offset=4872 align=1
i32.const 0
local.get 16
i64.store offset=4240 align=1
i32.const 0
return
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
unreachable
end
i32.const 0
local.get 8
i64.store offset=4096 align=1
i32.const 0
local.get 9
i64.store offset=4104 align=1
br 1 (;@2;)
end
i32.const 0
local.get 8
i64.store offset=4096 align=1
i32.const 0
local.get 9
i64.store offset=4104 align=1
br 1 (;@1;)
end
local.get 7
i32.const 8
i32.shr_u
i64.extend_i32_u
local.set 16
local.get 7
i32.const 3
i32.shr_u
i32.const 7
i32.and
local.set 21
local.get 4
local.get 16
i64.shl
local.get 16
i64.shr_s
local.set 1
local.get 21
i32.const 3
i32.eq
if  ;; label = @2
local.get 5
local.set 2
i64.const 0
local.set 3
else
local.get 5
local.get 16
i64.shl
local.get 16
i64.shr_s
local.set 3
local.get 21
i32.const 0
i32.eq
if  ;; label = @3
local.get 6
local.get 16
i64.shl
local.get 16
i64.shr_s
local.set 2
else
local.get 21
i32.const 1
i32.eq
if  ;; label = @4
local.get 1
local.set 2
local.get 2
local.get 3
i64.add
local.get 2
local.get 3
i64.sub
local.get 7
i32.const 7
i32.and
i32.const 1
i32.eq
select
local.get 16
i64.shl
local.get 16
i64.shr_s
local.set 1
else
local.get 1
local.get 3
i64.sub
local.get 1
local.get 3
i64.add
local.get 7
i32.const 7
i32.and
i32.const 1
i32.eq
select
local.get 16
i64.shl
local.get 16
i64.shr_s
local.set 2
end
end
end
i32.const 0
local.get 1
i64.store offset=4248 align=1
i32.const 0
local.get 2
i64.store offset=4256 align=1
i32.const 0
local.get 3
i64.store offset=4264 align=1
i32.const 0
local.get 7
i32.const 7
i32.and
i32.store offset=4272 align=1
end
i32.const 0
local.get 13
i64.const 16
i64.shr_u
i64.store offset=4240 align=1
local.get 13
i32.wrap_i64
i32.const 8191
i32.and
local.get 13
i64.const 16384
i64.and
i64.const 0
i64.ne
i32.const 0
i32.load offset=4876 align=1
i32.const 22
i32.eq
i32.and
i32.add
local.set 21
i32.const 0
local.get 11
local.get 21
i32.sub
i32.store offset=4872 align=1
local.get 13
i64.const 32768
i64.and
i64.const 0
i64.ne
if  ;; label = @1
i32.const -1
return
end
i32.const 0
i32.load offset=4876 align=1
return)
(export "r0" (func 1)))
