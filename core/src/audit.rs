//! What administrators and moderators have done since the start.

use crate::describe::cut;
use crate::time::UnixTime;
use std::collections::VecDeque;

/// Number of actions that are kept. Beyond it, the oldest is forgotten.
pub(crate) const ACTIONS_MAX: usize = 500;

/// Bytes of an action's parameters that are kept.
pub(crate) const PARAMS_BYTES_MAX: usize = 500;

/// One action.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) number: u64,
    pub(crate) at: UnixTime,
    /// The method.
    pub(crate) method: &'static str,
    /// The parameters, as the caller wrote them.
    pub(crate) params: String,
    /// The mud of the caller's key.
    pub(crate) mud_name: String,
    /// Who called it.
    pub(crate) by: String,
}

/// The actions, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    last: u64,
    kept: VecDeque<Action>,
}

impl Audit {
    /// Adds an action. Its number and the length of its parameters are set here.
    pub(crate) fn add(&mut self, mut action: Action) {
        self.last += 1;
        action.number = self.last;
        if action.params.len() > PARAMS_BYTES_MAX {
            action.params.truncate(action.params.floor_char_boundary(PARAMS_BYTES_MAX));
            action.params.push_str(cut::CUT_MARK);
        }
        if self.kept.len() >= ACTIONS_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(action);
    }

    /// Returns the actions, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Action> {
        self.kept.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_long_parameters_are_cut() {
        let mut audit = Audit::default();
        for _ in 0..ACTIONS_MAX + 3 {
            audit.add(Action {
                number: 0,
                at: UnixTime::from_micros(0),
                method: "kick",
                params: "é".repeat(PARAMS_BYTES_MAX),
                mud_name: "Alpha".to_owned(),
                by: String::new(),
            });
        }
        let numbers: Vec<u64> = audit.iter().map(|action| action.number).collect();
        assert_eq!((numbers.len(), numbers[0], audit.last), (ACTIONS_MAX, 4, ACTIONS_MAX as u64 + 3));
        let params = &audit.iter().next().unwrap().params;
        assert!(params.len() < PARAMS_BYTES_MAX + 16 && params.ends_with(cut::CUT_MARK), "{params}");
    }
}
