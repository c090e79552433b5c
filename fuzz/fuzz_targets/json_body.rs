#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| webhookc_fuzz::json_body::run(bytes));
