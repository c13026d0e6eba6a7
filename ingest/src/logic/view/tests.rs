#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use super::*;
use proptest::prelude::*;
use schemas::registry::DeviceKind;

fn record(device_no: u32, belongings: Vec<BelongingFrom>) -> DeviceRecord {
    DeviceRecord {
        device_no,
        device_id: Uuid::from_u128(u128::from(device_no) << 64 | 7),
        kind: DeviceKind::Other,
        state: DeviceState::InService,
        token_gen: 2,
        revoked: false,
        enrolled_at_ms: 0,
        belongings,
        rev: 1,
        updated_at_ms: 0,
    }
}

fn from(day: i32, school_no: u32, in_service: bool) -> BelongingFrom {
    BelongingFrom { from_day: Day(day), school_no, class_no: 9, division: 440_106, in_service }
}

const DIGEST: Digest = Digest([1, 2, 3]);

fn find(view: &View, device_no: u32) -> Option<Found> {
    view.find(device_no, DIGEST)
}

proptest! {
    #[test]
    fn what_is_put_in_is_found(
        histories in prop::collection::vec(
            (0..20_000_u32, prop::collection::vec((1..65_000_i32, 1..4_u32, any::<bool>()), 0..4), 0..4_usize, any::<bool>()),
            1..60,
        )
    ) {
        let view = View::default();
        let mut last = HashMap::new();
        for (device_no, changes, state, revoked) in histories {
            let mut belongings = vec![from(0, 1, false)];
            belongings.extend(changes.into_iter().map(|(day, school_no, in_service)| from(day, school_no, in_service)));
            let record = DeviceRecord { state: DeviceState::ALL[state], revoked, ..record(device_no, belongings) };
            view.apply(&record).unwrap();
            last.insert(device_no, record);
        }
        prop_assert_eq!(view.len(), last.len());
        for (device_no, record) in last {
            let device = find(&view, device_no).unwrap().device;
            prop_assert_eq!(device.device_id, record.device_id);
            prop_assert_eq!(device.state, record.state);
            prop_assert_eq!(device.revoked, record.revoked);
            prop_assert_eq!(&device.belongings[..], &record.belongings[..]);
            view.remove(device_no);
            prop_assert!(find(&view, device_no).is_none());
        }
        prop_assert!(view.is_empty());
    }
}

#[test]
fn a_verified_token_is_kept_until_its_device_changes() {
    let view = View::default();
    let first = record(5, vec![from(0, 1, true)]);
    view.apply(&first).unwrap();
    let device = find(&view, 5).unwrap().device;
    assert_eq!(find(&view, 5).unwrap().verified_exp, None);
    view.keep(5, &device, DIGEST, 100);
    assert_eq!(find(&view, 5).unwrap().verified_exp, Some(100));
    assert_eq!(view.find(5, Digest([1, 2, 4])).unwrap().verified_exp, None, "another token");
    view.apply(&DeviceRecord { token_gen: 3, ..first }).unwrap();
    assert_eq!(find(&view, 5).unwrap().verified_exp, None, "rotated");
    view.keep(5, &device, DIGEST, 100);
    assert_eq!(find(&view, 5).unwrap().verified_exp, None, "verified against what the device was before");
}

#[test]
fn devices_beyond_bounds_are_refused() {
    let view = View::default();
    assert_eq!(view.apply(&record(u32::MAX, vec![from(0, 1, true)])), Err(ViewError::Number(u32::MAX)));
    assert_eq!(view.apply(&record(1, vec![])), Err(ViewError::Belongings(1)));
    assert!(find(&view, u32::MAX).is_none());
}

#[test]
fn a_device_takes_few_bytes() {
    assert_eq!(size_of::<Slot>(), 36);
    assert_eq!(size_of::<Token>(), 16);
}
