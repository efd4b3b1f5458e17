//! Every call, every error, every step of a record's life, every invariant.

use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_runtime::{DispatchError, TokenError, TryRuntimeError};
use sungrid_primitives::{ContentHash, attributes::TaskClass, traits::Images as _};

use crate::{
    Error, Event, HoldReason, ImageRecord, Listing,
    mock::{
        ALICE, BOB, Balances, DEPOSIT, IMAGE, Images, OTHER, POOR, RuntimeOrigin, System, Test,
        new_test_ext, scenario,
    },
};

fn publish(who: u64, image: ContentHash) {
    assert_ok!(Images::publish(
        RuntimeOrigin::signed(who),
        image,
        TaskClass::Rendering
    ));
}

fn held(who: u64) -> u128 {
    Balances::balance_on_hold(&HoldReason::Deposit.into(), &who)
}

mod calls {
    use super::*;

    #[test]
    fn whoever_publishes_is_the_developer() {
        scenario(|| {
            publish(ALICE, IMAGE);
            System::assert_last_event(
                Event::ImagePublished {
                    image: IMAGE,
                    developer: ALICE,
                    class: TaskClass::Rendering,
                    deposit: DEPOSIT,
                }
                .into(),
            );
            assert_eq!(held(ALICE), DEPOSIT);
            assert_eq!(Images::developer_of_usable(&IMAGE), Some(ALICE));
            assert_eq!(
                Images::image(IMAGE),
                Some(ImageRecord {
                    developer: ALICE,
                    class: TaskClass::Rendering,
                    published: 1,
                    deposit: DEPOSIT,
                    retired: false,
                    jobs: 0,
                    usage: 0,
                    listing: None,
                })
            );
            assert_eq!(Images::image(OTHER), None);
        });
    }

    #[test]
    fn an_image_has_one_developer() {
        scenario(|| {
            publish(ALICE, IMAGE);
            for who in [ALICE, BOB] {
                assert_noop!(
                    Images::publish(RuntimeOrigin::signed(who), IMAGE, TaskClass::General),
                    Error::<Test>::AlreadyPublished
                );
            }
        });
    }

    #[test]
    fn without_the_deposit_nothing_is_published() {
        scenario(|| {
            // The deposit would leave less than the existential deposit.
            assert_noop!(
                Images::publish(RuntimeOrigin::signed(POOR), IMAGE, TaskClass::General),
                TokenError::FundsUnavailable
            );
            assert_noop!(
                Images::publish(RuntimeOrigin::signed(99), IMAGE, TaskClass::General),
                TokenError::FundsUnavailable
            );
        });
    }

    #[test]
    fn both_calls_need_a_signature() {
        scenario(|| {
            for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
                assert_noop!(
                    Images::publish(origin.clone(), IMAGE, TaskClass::General),
                    DispatchError::BadOrigin
                );
                assert_noop!(Images::retire(origin, IMAGE), DispatchError::BadOrigin);
            }
        });
    }

    #[test]
    fn an_unused_image_is_forgotten_at_once() {
        scenario(|| {
            publish(ALICE, IMAGE);
            publish(ALICE, OTHER);
            assert_ok!(Images::retire(RuntimeOrigin::signed(ALICE), IMAGE));
            System::assert_has_event(
                Event::ImageRetired {
                    image: IMAGE,
                    jobs: 0,
                }
                .into(),
            );
            System::assert_last_event(
                Event::ImageRemoved {
                    image: IMAGE,
                    usage: 0,
                }
                .into(),
            );
            assert_eq!(held(ALICE), DEPOSIT);
            assert_eq!(Images::developer(&IMAGE), None);
            assert_eq!(Images::developer(&OTHER), Some(ALICE));
            // And may be published anew, by anyone.
            publish(BOB, IMAGE);
            assert_eq!(Images::developer(&IMAGE), Some(BOB));
        });
    }

    #[test]
    fn only_the_developer_retires_and_only_once() {
        scenario(|| {
            assert_noop!(
                Images::retire(RuntimeOrigin::signed(ALICE), IMAGE),
                Error::<Test>::UnknownImage
            );
            publish(ALICE, IMAGE);
            assert_noop!(
                Images::retire(RuntimeOrigin::signed(BOB), IMAGE),
                Error::<Test>::NotDeveloper
            );
            Images::note_job(&IMAGE);
            assert_ok!(Images::retire(RuntimeOrigin::signed(ALICE), IMAGE));
            assert_noop!(
                Images::retire(RuntimeOrigin::signed(ALICE), IMAGE),
                Error::<Test>::AlreadyRetired
            );
        });
    }
}

mod listing {
    use super::*;

    const REASON: ContentHash = ContentHash::repeat_byte(7);

    fn assess(listed: bool) -> sp_runtime::DispatchResult {
        Images::set_listing(RuntimeOrigin::root(), IMAGE, listed, REASON)
    }

    #[test]
    fn governance_lists_and_unlists_with_its_reason() {
        scenario(|| {
            publish(ALICE, IMAGE);
            for listed in [true, false] {
                let listing = Listing {
                    listed,
                    reason: REASON,
                };
                assert_ok!(assess(listed));
                let found = Images::image(IMAGE).and_then(|record| record.listing);
                assert_eq!(found, Some(listing));
                System::assert_last_event(
                    Event::ImageAssessed {
                        image: IMAGE,
                        listing,
                    }
                    .into(),
                );
            }
            // What is not listed can be used all the same.
            assert_eq!(Images::developer_of_usable(&IMAGE), Some(ALICE));
        });
    }

    #[test]
    fn a_developer_does_not_list_its_own_image() {
        scenario(|| {
            publish(ALICE, IMAGE);
            for origin in [RuntimeOrigin::signed(ALICE), RuntimeOrigin::none()] {
                assert_noop!(
                    Images::set_listing(origin, IMAGE, true, REASON),
                    DispatchError::BadOrigin
                );
            }
        });
    }

    #[test]
    fn a_listing_is_of_what_is_published_and_ends_with_it() {
        scenario(|| {
            assert_noop!(assess(true), Error::<Test>::UnknownImage);
            publish(ALICE, IMAGE);
            assert_ok!(assess(true));
            Images::note_job(&IMAGE);
            assert_ok!(Images::retire(RuntimeOrigin::signed(ALICE), IMAGE));
            assert_noop!(assess(true), Error::<Test>::AlreadyRetired);
            assert_eq!(Images::image(IMAGE).and_then(|record| record.listing), None);
            // Whoever publishes it next has to be assessed again.
            Images::note_job_ended(&IMAGE);
            publish(BOB, IMAGE);
            assert_eq!(Images::image(IMAGE).and_then(|record| record.listing), None);
        });
    }
}

mod use_by_jobs {
    use super::*;

    #[test]
    fn a_retired_image_stays_until_its_last_job_has_ended() {
        scenario(|| {
            publish(ALICE, IMAGE);
            Images::note_job(&IMAGE);
            Images::note_job(&IMAGE);

            // WHEN it is retired with two jobs running
            assert_ok!(Images::retire(RuntimeOrigin::signed(ALICE), IMAGE));
            System::assert_last_event(
                Event::ImageRetired {
                    image: IMAGE,
                    jobs: 2,
                }
                .into(),
            );

            // THEN the deposit is back, no new job may use it, and its developer is still paid
            assert_eq!(held(ALICE), 0);
            assert_eq!(Images::developer_of_usable(&IMAGE), None);
            assert_eq!(Images::developer(&IMAGE), Some(ALICE));
            Images::note_usage(&IMAGE, 40);
            // Nobody can take its place meanwhile.
            assert_noop!(
                Images::publish(RuntimeOrigin::signed(BOB), IMAGE, TaskClass::General),
                Error::<Test>::RetiredWithJobs
            );

            Images::note_job_ended(&IMAGE);
            assert_eq!(Images::developer(&IMAGE), Some(ALICE));
            Images::note_usage(&IMAGE, 2);
            Images::note_job_ended(&IMAGE);
            System::assert_last_event(
                Event::ImageRemoved {
                    image: IMAGE,
                    usage: 42,
                }
                .into(),
            );
            assert_eq!(Images::developer(&IMAGE), None);
        });
    }

    #[test]
    fn jobs_that_end_leave_a_published_image_alone() {
        scenario(|| {
            publish(ALICE, IMAGE);
            Images::note_job(&IMAGE);
            Images::note_usage(&IMAGE, 7);
            Images::note_job_ended(&IMAGE);
            let record = Images::image(IMAGE).expect("still there");
            assert_eq!((record.jobs, record.usage, record.retired), (0, 7, false));
        });
    }

    #[test]
    fn usage_saturates() {
        scenario(|| {
            publish(ALICE, IMAGE);
            Images::note_usage(&IMAGE, u128::MAX);
            Images::note_usage(&IMAGE, 1);
            assert_eq!(
                Images::image(IMAGE).map(|record| record.usage),
                Some(u128::MAX)
            );
        });
    }

    #[test]
    #[should_panic(expected = "more jobs of an image ended")]
    fn one_end_too_many_is_a_bug() {
        new_test_ext().execute_with(|| {
            publish(ALICE, IMAGE);
            Images::note_job_ended(&IMAGE);
        });
    }

    #[test]
    #[should_panic(expected = "unknown image")]
    fn a_job_without_image_is_a_bug() {
        new_test_ext().execute_with(|| Images::note_job(&IMAGE));
    }

    #[test]
    #[should_panic(expected = "unknown image")]
    fn usage_without_image_is_a_bug() {
        new_test_ext().execute_with(|| Images::note_usage(&IMAGE, 1));
    }

    #[test]
    #[should_panic(expected = "was forgotten")]
    fn an_end_without_image_is_a_bug() {
        new_test_ext().execute_with(|| Images::note_job_ended(&IMAGE));
    }
}

mod invariants {
    use super::*;

    fn broken(corrupt: impl FnOnce(&mut ImageRecord<u64, u64>)) -> TryRuntimeError {
        new_test_ext().execute_with(|| {
            publish(ALICE, IMAGE);
            crate::Images::<Test>::mutate_extant(IMAGE, corrupt);
            Images::do_try_state().expect_err("the corruption is noticed")
        })
    }

    #[test]
    fn a_retired_image_that_lingers_is_noticed() {
        let text = "1: a retired image holds a deposit or has no job";
        assert_eq!(broken(|record| record.retired = true), text.into());
        let idle = broken(|record| {
            record.retired = true;
            record.deposit = 0;
        });
        assert_eq!(idle, text.into());
    }

    #[test]
    fn a_deposit_that_is_not_held_is_noticed() {
        let text = "2: deposits of images differ from what is held";
        assert_eq!(broken(|record| record.deposit += 1), text.into());
        assert_eq!(broken(|record| record.developer = BOB), text.into());
    }

    #[test]
    fn a_listing_of_a_retired_image_is_noticed() {
        let text = "3: a retired image is listed";
        let listed = broken(|record| {
            record.retired = true;
            (record.deposit, record.jobs) = (0, 1);
            record.listing = Some(Listing {
                listed: true,
                reason: OTHER,
            });
        });
        assert_eq!(listed, text.into());
    }

    #[test]
    fn clients_can_list_images() {
        scenario(|| {
            publish(ALICE, IMAGE);
            assert_eq!(
                crate::Images::<Test>::iter_keys().collect::<Vec<_>>(),
                [IMAGE]
            );
        });
    }

    #[test]
    fn classes_are_the_numbers_of_the_protocol() {
        use codec::Encode;
        for (class, number) in [
            (TaskClass::General, 0u8),
            (TaskClass::Rendering, 1),
            (TaskClass::Science, 2),
            (TaskClass::Learning, 3),
            (TaskClass::Media, 4),
        ] {
            assert_eq!(class.encode(), [number]);
        }
        assert!(<TaskClass as codec::Decode>::decode(&mut &[5u8][..]).is_err());
    }
}
