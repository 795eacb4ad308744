/* Stand-in for AFKMud's header of the same name: what heads/smaug uses, as it is declared there. */
class descriptor_data
{
public:
    char_data *character;
    char_data *original;
    int descriptor;
    short connected;
};
extern list<descriptor_data *> dlist;
