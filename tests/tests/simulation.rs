use i3_tests::sim::plan::Plan;
use i3_tests::sim::run::run;

#[test]
fn seeds() {
    for seed in 0..20 {
        let outcome = run(&Plan::new(seed), true);
        println!("{seed}: {} records {} tells {:?}", outcome.records, outcome.tells, outcome.violation);
        if outcome.violation.is_some() {
            for line in &outcome.transcript[outcome.transcript.len().saturating_sub(30)..] {
                println!("{line}");
            }
            panic!();
        }
    }
}
