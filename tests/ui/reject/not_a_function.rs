use jobmon::instrument_llm;

#[instrument_llm]
struct Struct;
#[instrument_llm]
enum Enum {
    Variant,
}
#[instrument_llm]
impl Struct {
    fn method(&self) {}
}
#[instrument_llm]
mod module {
    pub fn inside() {}
}
#[instrument_llm]
trait Trait {}
#[instrument_llm]
static STATIC: u8 = 1;
#[instrument_llm]
const CONST: u8 = 1;
#[instrument_llm]
type Alias = u8;

fn main() {
    // All of them are there all the same.
    Struct.method();
    let _ = Enum::Variant;
    module::inside();
    let _: Alias = STATIC + CONST;
    struct Local;
    impl Trait for Local {}
}
