//! The program in the hands of an operator.

#[path = "../../host/tests/shared/operator.rs"]
mod operator;

const GATEWAY: &str = env!("CARGO_BIN_EXE_i3-gateway");

#[test]
fn the_first_settings() {
    operator::the_first_settings(GATEWAY);
}

#[test]
fn a_visit_of_the_doctor() {
    operator::a_visit_of_the_doctor(GATEWAY);
}

#[test]
fn a_service_that_is_looked_after() {
    operator::a_service_that_is_looked_after(GATEWAY);
}
