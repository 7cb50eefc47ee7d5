//! Functions that cannot be called, but that the engine could take for one of their name that can.

use ahash::AHashSet;
use tokio_postgres::Row;
use transom_query::catalog::{EngineParam, FunctionParam, Rival};
use transom_types::DataType;

use super::{Found, functions};

/// Everything that the engine looks through when it is given the name of a function that is not an extension's: procedures,
/// aggregates and functions of triggers too, for they hide or blur the other.
pub(super) const NAMESAKES: &str = "
SELECT p.oid, n.nspname::text, p.proname::text, p.pronargs - p.pronargdefaults, p.provariadic <> 0, a.names, a.shown
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(coalesce(a.name, '') ORDER BY a.place), '{}') AS names,
         coalesce(array_agg(format_type(a.type, NULL) ORDER BY a.place), '{}') AS shown
  FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes::text[])
    WITH ORDINALITY AS a (type, name, mode, place)
  WHERE coalesce(a.mode, 'i') IN ('i', 'b', 'v')) a
WHERE n.nspname = ANY ($1) AND EXISTS (
  SELECT FROM pg_proc o
  WHERE o.proname = p.proname AND o.pronamespace = p.pronamespace AND o.oid <> p.oid AND o.prokind = 'f'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = o.oid AND d.deptype = 'e'))
ORDER BY array_position($1, n.nspname::text), p.proname, p.oid";

/// Those of the namesakes of served functions that are not served themselves.
pub(super) fn rivals(found: &Found, served: &[&Row], namesakes: &[Row]) -> Vec<Rival> {
    let mut ids: AHashSet<u32> = AHashSet::new();
    let mut names: AHashSet<(&str, &str)> = AHashSet::new();
    for row in served.iter().filter(|row| functions::is_known(found, row)) {
        ids.insert(row.get(23));
        names.insert((row.get(0), row.get(1)));
    }
    let is_rival = |row: &&Row| !ids.contains(&row.get(0)) && names.contains(&(row.get(1), row.get(2)));
    namesakes.iter().filter(is_rival).map(rival).collect()
}

fn rival(row: &Row) -> Rival {
    let (names, shown): (Vec<&str>, Vec<&str>) = (row.get(5), row.get(6));
    let required = usize::try_from(row.get::<_, i16>(3)).unwrap_or(0);
    let (variadic, count): (bool, usize) = (row.get(4), names.len());
    let mut params = Vec::with_capacity(count);
    for (at, (name, shown)) in names.into_iter().zip(shown).enumerate() {
        let variadic = variadic && at + 1 == count;
        let engine = EngineParam { shown: shown.into(), variadic, ..EngineParam::default() };
        params.push(FunctionParam {
            name: name.into(),
            data_type: DataType::Any,
            default: (at >= required).then_some(None),
            engine: Some(Box::new(engine)),
        });
    }
    Rival { schema: row.get::<_, &str>(1).into(), name: row.get::<_, &str>(2).into(), params }
}
