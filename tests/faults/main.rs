//! The log under faults: power cuts at every boundary between disk operations, operations that
//! fail, bytes that rot, files that vanish. The real code runs on the simulated disk; all that
//! happens follows from a seed.
//!
//! `INVAR_FAULT_STATES=N` sets how many crash states are tried (10,000 by default, millions are a
//! matter of time). Each failure names what replays it: `INVAR_FAULT_SEED=S` runs that workload
//! only.
#![forbid(unsafe_code)]

mod oracle;
mod workload;

mod corruption;
mod failing;
mod ledger;
mod power;
