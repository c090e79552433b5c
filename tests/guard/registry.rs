//! The guard against the registries of special-purpose addresses (`iana-ipv4.csv`, `iana-ipv6.csv`): a naive model reads the rows at run
//! time and judges by the longest block; where the guard is stricter than the registries, the reason stands here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::{prop_assert_eq, prop_oneof, proptest};
use webhookc::egress::Guard;

const FILES: [&str; 2] = [include_str!("iana-ipv4.csv"), include_str!("iana-ipv6.csv")];

/// Blocks that are refused although the special-purpose registries do not say so.
const STRICTER: &[(&str, &str)] = &[
    ("192.0.0.0/24", "nobody receives webhooks at an anycast address of a protocol"),
    ("2001::/23", "the same, and identifiers that are not locators (ORCHIDv2, DETs)"),
    ("192.88.99.0/24", "the relay that its registry entry has ended for"),
    ("168.63.129.16/32", "Azure's metadata and DNS, in public space"),
    ("224.0.0.0/4", "multicast, IANA IPv4 Address Space Registry"),
    ("ff00::/8", "multicast, IANA IPv6 Address Space Registry"),
];

/// Forms that hold an IPv4 address at these bits, which decides.
const WRAPPINGS: &[(&str, u32)] = &[("::ffff:0:0/96", 96), ("::ffff:0:0:0/96", 96), ("64:ff9b::/96", 96), ("2002::/16", 16)];

#[derive(Clone, Debug)]
struct Row {
    block: IpNet,
    name: String,
    reachable: String,
}

fn rows() -> Vec<Row> {
    let lines = FILES.iter().flat_map(|file| file.lines());
    let lines = lines.filter(|line| !line.starts_with('#') && !line.starts_with("address block"));
    let row = |line: &str| {
        let [block, name, reference, reachable] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        assert!(reference.contains("RFC ") && matches!(reachable, "True" | "False" | "N/A"), "{line}");
        Row { block: block.parse().unwrap(), name: name.to_owned(), reachable: reachable.to_owned() }
    };
    lines.map(row).collect()
}

fn holds(block: &str, address: IpAddr) -> bool {
    block.parse::<IpNet>().unwrap().contains(&address)
}

fn inner(address: Ipv6Addr, from: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(address.to_bits() << from >> 96).unwrap()))
}

/// Whether the registries let an address be called.
fn public(rows: &[Row], address: IpAddr) -> bool {
    if STRICTER.iter().any(|(block, _)| holds(block, address)) {
        return false;
    }
    if let IpAddr::V6(v6) = address {
        if let Some((_, from)) = WRAPPINGS.iter().find(|(block, _)| holds(block, address)) {
            return public(rows, inner(v6, *from));
        }
        let segments = v6.segments();
        let isatap = segments[5] == 0x5efe && matches!(segments[4], 0 | 0x200);
        if !holds("2000::/3", address) || isatap && !public(rows, inner(v6, 96)) {
            return false;
        }
    }
    let own = rows.iter().filter(|row| row.block.contains(&address)).max_by_key(|row| row.block.prefix_len());
    own.is_none_or(|row| row.reachable == "True")
}

fn offset(address: IpAddr, by: i8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => v4.to_bits().checked_add_signed(by.into()).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        IpAddr::V6(v6) => v6.to_bits().checked_add_signed(by.into()).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    }
}

/// The address of the block whose bits behind the prefix are these.
fn within(block: &IpNet, random: u128) -> IpAddr {
    match (block.network(), block.hostmask()) {
        (IpAddr::V4(network), IpAddr::V4(mask)) => {
            IpAddr::V4(Ipv4Addr::from_bits(network.to_bits() | u32::try_from(random >> 96).unwrap() & mask.to_bits()))
        }
        (IpAddr::V6(network), IpAddr::V6(mask)) => IpAddr::V6(Ipv6Addr::from_bits(network.to_bits() | random & mask.to_bits())),
        (network, _) => panic!("{network} and its mask are of two families"),
    }
}

/// An address in the forms that wrap it.
fn wrapped(v4: Ipv4Addr, random: u128) -> Vec<Ipv6Addr> {
    let bits = u128::from(v4.to_bits());
    let low = |bits: u32| random & (u128::MAX >> (128 - bits));
    let six_to_four = 0x2002 << 112 | bits << 80 | low(80);
    let isatap = [0x2a00_u128 << 112 | 0x5efe << 32 | bits, 0x2600_u128 << 112 | 0x0200_5efe << 32 | bits];
    let nat64 = 0x0064_ff9b << 96 | bits;
    let translated = [0xffff << 32 | bits, 0xffff << 48 | bits, nat64];
    [translated.as_slice(), &[six_to_four], &isatap].concat().into_iter().map(Ipv6Addr::from_bits).collect()
}

#[test]
fn the_registries_are_whole() {
    let rows = rows();
    assert_eq!(rows.iter().filter(|row| row.block.network().is_ipv4()).count(), 26);
    assert_eq!(rows.iter().filter(|row| row.block.network().is_ipv6()).count(), 25);
    for row in &rows {
        assert_eq!(row.block, row.block.trunc(), "{}: bits behind the prefix", row.name);
    }
}

#[test]
fn no_row_that_is_not_globally_reachable_can_be_called() {
    let guard = Guard::default();
    let rows = rows();
    for row in rows.iter().filter(|row| row.reachable == "False" && row.name != "IPv4-mapped Address") {
        let (first, last) = (row.block.network(), within(&row.block, u128::MAX));
        let middle = (0..64).map(|n| within(&row.block, 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834_u128.wrapping_mul(2 * n + 1)));
        for address in [first, last].into_iter().chain(middle) {
            assert!(guard.check(address).is_err(), "{address} of {} ({}) is allowed", row.block, row.name);
        }
    }
}

#[test]
fn the_addresses_just_outside_of_a_row_are_judged_by_their_own() {
    let guard = Guard::default();
    let rows = rows();
    let mut allowed = 0;
    for row in &rows {
        let edges = [offset(row.block.network(), -1), offset(within(&row.block, u128::MAX), 1)];
        for address in edges.into_iter().flatten() {
            let expected = public(&rows, address);
            allowed += usize::from(expected);
            assert_eq!(guard.check(address).is_ok(), expected, "{address}, beside {} ({})", row.block, row.name);
        }
    }
    assert!(allowed > 25, "both sides of most IPv4 blocks are public: {allowed}");
}

#[test]
fn stricter_blocks_are_refused_whole() {
    for (block, why) in STRICTER {
        let block: IpNet = block.parse().unwrap();
        for address in [block.network(), within(&block, u128::MAX), within(&block, u128::MAX / 3)] {
            assert!(Guard::default().check(address).is_err(), "{address}: {why}");
        }
    }
}

/// Addresses of all kinds, most of them near a border of the registries.
fn address() -> impl Strategy<Value = IpAddr> {
    let blocks: Vec<IpNet> = rows().into_iter().map(|row| row.block).collect();
    let v4 = any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)));
    let v6 = any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)));
    let global = any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits >> 3 | 1 << 125)));
    let inside = (select(blocks.clone()), any::<u128>()).prop_map(|(block, random)| within(&block, random));
    let edge = (select(blocks), prop_oneof![Just(0), Just(u128::MAX)], -3_i8..4)
        .prop_map(|(block, end, by)| offset(within(&block, end), by).unwrap_or(block.network()));
    let plain = prop_oneof![v4, inside, edge];
    let in_v6 = (plain.clone(), any::<u128>(), 0_usize..6).prop_map(|(address, random, form)| match address {
        IpAddr::V4(v4) => IpAddr::V6(wrapped(v4, random)[form]),
        IpAddr::V6(_) => address,
    });
    prop_oneof![plain, in_v6, v6, global]
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 20_000, failure_persistence: None, ..proptest::test_runner::Config::default() })]

    #[test]
    fn the_guard_and_the_registries_agree(address in address()) {
        // The model is read once: it is slow on purpose.
        thread_local!(static ROWS: Vec<Row> = rows());
        let expected = ROWS.with(|rows| public(rows, address));
        prop_assert_eq!(Guard::default().check(address).is_ok(), expected, "{}", address);
    }

    #[test]
    fn an_opened_network_opens_itself_alone(address in address(), block in select(rows()), bits in any::<u32>()) {
        let own = block.block;
        let guard = Guard::new(vec![own]);
        let as_v4 = Ipv4Addr::from_bits(bits);
        for address in [address, IpAddr::V4(as_v4)] {
            let inside = own.contains(&address);
            let mapped = match address {
                IpAddr::V4(_) => false,
                IpAddr::V6(v6) => WRAPPINGS.iter().any(|(form, _)| holds(form, address)) || v6.segments()[5] == 0x5efe,
            };
            // What wraps an address of the network is opened with it, and nothing else.
            if !mapped {
                prop_assert_eq!(guard.check(address).is_ok(), inside || Guard::default().check(address).is_ok(), "{} with {}", address, own);
            }
        }
    }
}
