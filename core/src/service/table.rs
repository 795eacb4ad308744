//! The methods of all services.

use super::method::Method;
use super::{
    access, admin, ask, audit, channel, filter, history, host, lists, moderation, nodes, overview, presence,
    refuse, search, speech, tell, trace,
};

/// Returns the methods of all services, sorted by name.
pub fn methods() -> Vec<&'static Method> {
    let tables = [
        access::METHODS,
        admin::METHODS,
        ask::METHODS,
        audit::METHODS,
        channel::METHODS,
        filter::METHODS,
        history::METHODS,
        host::METHODS,
        lists::METHODS,
        moderation::METHODS,
        nodes::drain::METHODS,
        overview::METHODS,
        presence::METHODS,
        refuse::METHODS,
        search::METHODS,
        speech::METHODS,
        tell::METHODS,
        trace::METHODS,
    ];
    let mut all: Vec<&'static Method> = tables.into_iter().flatten().collect();
    all.sort_by_key(|method| method.name);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_required_parameters_come_first() {
        let all = methods();
        assert!(all.windows(2).all(|pair| pair[0].name < pair[1].name));
        for method in all {
            let required = method.params.iter().take_while(|param| param.required).count();
            assert!(method.params[required..].iter().all(|param| !param.required), "{}", method.name);
        }
    }
}
