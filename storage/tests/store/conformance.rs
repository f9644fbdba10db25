//! The suite that every engine must pass: here the model, and redb with and without constant folding.

mod ageing;
mod erasing;
mod following;
mod handing;
mod inbox;
mod letters;
mod lists;
mod outbox;
mod rewrite;
mod turns;

use crate::kit::{InMemory, OnDisk, roomy, tiny};

/// Makes a test of each named check, for each engine.
macro_rules! conformance {
    ($($group:ident: $($check:ident),* $(,)?;)*) => {
        mod model {
            $($(#[test] fn $check() { super::$group::$check(&mut super::InMemory::new()); })*)*
        }
        mod redb_unfolded {
            $($(#[test] fn $check() { super::$group::$check(&mut super::OnDisk::new(super::roomy)); })*)*
        }
        mod redb_folding {
            $($(#[test] fn $check() { super::$group::$check(&mut super::OnDisk::new(super::tiny)); })*)*
        }
    };
}

conformance! {
    inbox:
        numbers_rise_from_one_in_the_order_of_the_calls,
        what_nobody_waits_for_is_written_all_the_same_and_in_the_order_of_the_calls,
        pending_rows_come_in_order_and_in_pages,
        rows_are_found_by_number_until_they_are_consumed,
        appended_tells_the_last_committed_number,
        inbox_and_its_numbers_survive_a_restart,
        consumed_numbers_are_not_given_out_again_after_a_restart,
        quarantined_items_are_listed_and_never_pending;
    turns:
        first_turn_makes_the_conversation,
        later_turn_replaces_what_it_says_and_keeps_the_rest,
        wrong_revision_is_a_conflict_that_tells_the_right_one,
        consuming_twice_is_a_conflict_and_changes_nothing,
        unknown_inbox_row_is_a_conflict,
        gap_in_the_sends_is_a_conflict,
        fence_of_an_earlier_epoch_is_refused,
        conversation_survives_a_restart,
        wake_is_replaced_and_cleared,
        wakes_come_earliest_first_up_to_the_time,
        wakes_go_on_after_one,
        aliases_lead_to_their_contact,
        documents_are_written_replaced_and_removed,
        secret_stays_the_same,
        closed_store_is_unavailable;
    outbox:
        decided_sends_are_queued_and_open,
        statuses_converge_in_every_order,
        status_may_come_before_the_answer,
        late_answer_keeps_the_status_and_adds_the_id,
        attempts_go_through_their_states,
        known_attempt_is_not_started_again,
        late_attempts_do_not_move_a_settled_row,
        dead_row_keeps_one_letter,
        failed_status_makes_one_letter,
        failed_after_delivered_makes_no_letter,
        other_nonce_and_unknown_row_are_unknown,
        settling_twice_changes_nothing_more,
        settlements_of_one_call_see_each_other,
        settlements_of_an_earlier_epoch_are_refused,
        settled_rows_are_no_longer_open,
        open_sends_go_on_after_a_row;
    handing:
        turn_appends_after_what_it_consumes,
        turn_that_appends_wakes_whoever_routes,
        appended_row_is_consumed_by_a_later_turn,
        turn_writes_and_removes_documents,
        refused_turn_hands_nothing_on,
        documents_of_one_call_are_written_together;
    rewrite:
        rewritten_row_is_as_if_it_was_just_decided,
        rewriting_twice_changes_nothing_more,
        earlier_nonce_is_unknown_after_a_rewrite,
        rewrite_keeps_no_letter_and_a_later_failure_does,
        last_known_price_stays,
        held_rows_of_a_conversation_are_found_and_released;
    ageing:
        notices_are_listed_newest_first_and_never_pending,
        rows_before_their_horizon_are_forgotten,
        forgetting_goes_on_in_bounded_steps,
        numbers_of_forgotten_rows_are_not_given_out_again,
        list_is_forgotten_up_to_the_first_row_that_must_stay,
        settled_sends_are_forgotten_and_open_ones_stay,
        status_of_a_forgotten_send_is_unknown;
    letters:
        resolved_letters_leave_the_list_of_the_open_ones,
        letter_is_resolved_once,
        turn_resolves_letters_with_its_commit,
        turn_that_resolves_a_letter_which_is_not_open_does_not_happen,
        numbers_of_resolved_letters_are_not_given_out_again,
        resolved_letters_are_forgotten_by_when_they_were_given_up;
    following:
        log_tells_what_each_call_left_behind,
        log_goes_on_after_a_row_also_after_a_restart,
        refused_and_empty_calls_leave_no_row,
        committed_tells_the_last_row_once_it_can_be_read,
        position_of_the_future_is_an_empty_page,
        log_that_was_cut_is_read_by_nobody_and_goes_on,
        each_opening_that_wrote_has_a_stretch_of_the_log;
    lists:
        history_comes_newest_first,
        history_is_read_from_any_index_on,
        conversations_come_by_last_activity,
        conversations_of_one_number_are_filtered,
        outbox_is_listed_by_creation_and_by_state,
        dead_letters_come_newest_first_and_survive_a_restart,
        cursors_hold_while_rows_are_added,
        limit_of_zero_is_one,
        cursor_of_no_list_is_an_empty_page;
    erasing:
        erased_conversation_leaves_nothing_and_others_stay,
        erasing_goes_on_in_bounded_steps_and_the_state_goes_last,
        conversation_begins_anew_after_it_was_erased,
        erasing_at_a_revision_spares_a_conversation_that_went_on,
        history_below_an_index_goes_and_later_entries_keep_theirs,
        single_rows_are_erased_once_and_their_numbers_not_given_out_again,
        an_id_of_nobody_goes_and_that_of_somebody_who_came_back_stays,
        idle_conversations_come_longest_idle_first_within_their_number;
}
