//! What other hosts say of their clients: PROXY headers, XCLIENT.
#![no_main]

use godwit::smtp::{proxy, xclient};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    proxy::line(data);
    if let Some((head, rest)) = data.split_first_chunk::<4>()
        && let Some((command, family, length)) = proxy::head(*head)
    {
        assert!(length <= proxy::BLOCK_BYTES_MAX);
        proxy::block(command, family, &rest[..rest.len().min(length)]);
    }
    xclient::Named::parse(data);
});
